"""What is the same: by perceptual hashes, by embeddings, by what a caption says. Begin with ``near``."""
