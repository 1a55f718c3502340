"""Many independent jobs by one call: in this process, in local processes, or as a Slurm array (through submitit)."""

from maskreel.common.jobs._choice import chosen_executor
from maskreel.common.jobs._executors import LocalProcesses, Slurm
from maskreel.common.jobs._run import JobResult, run_jobs

__all__ = ["JobResult", "LocalProcesses", "Slurm", "chosen_executor", "run_jobs"]
