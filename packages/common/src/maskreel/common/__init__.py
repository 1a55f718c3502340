"""The ground floor of maskreel: import the module you need, for example `from maskreel.common import masks`."""

__all__: list[str] = []
