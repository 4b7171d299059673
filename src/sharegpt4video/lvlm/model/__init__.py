"""The model that is trained: its shape, its weights, which parts learn, what a step costs, what a run needs."""
