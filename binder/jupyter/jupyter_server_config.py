"""Settings of a Binder session: as many kernels at a time as its memory of a gigabyte holds.

A lesson's kernel takes 100 to 155 MB; seven and the server came to 1037 MB in one run of all lessons and to more in
another (`python tests/benchmarks/bench_binder.py`), so there are five. Of more lessons, that whose kernel has been idle
for longest keeps its pictures, and runs again on demand; otherwise Binder would end any kernel, or the server, without
a word.
"""

from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

MOST = 5

c: Any = get_config()  # noqa: F821  # Jupyter gives it to files of settings


class FewKernels(AsyncMappingKernelManager):  # type: ignore[misc]
    """A kernel manager that makes room before it starts a kernel."""

    async def start_kernel(self, **options: Any) -> str:
        """End the kernels that have been idle for longest, if there are too many, and start one."""
        kernels = self.list_kernels()
        idle = sorted((each["last_activity"], each["id"]) for each in kernels if each["execution_state"] == "idle")
        for _, number in idle[: max(len(kernels) + 1 - MOST, 0)]:
            await self.shutdown_kernel(number)
        return str(await super().start_kernel(**options))


c.ServerApp.kernel_manager_class = FewKernels
