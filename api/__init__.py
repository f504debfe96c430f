"""API: the composition root: FastAPI, accounts, pipeline, jobs, migrations."""
