"""What every training run needs, whatever it trains: schedules, checkpoints, processes, a clean stop, figures."""
