"""Find the moments of captioned videos that a few words describe. Start at ``search``."""
