"""QUEUE and RECORD: PostgreSQL, the only engine. SQL stands here and nowhere else."""
