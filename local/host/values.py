"""What the Python worker does with values on their way into a function and out of it.

The conversions are those of azure-functions and its extensions; only the generic one (`str` and `bytes` parameters)
belongs to the worker itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
import azurefunctions.extensions.base as extensions
from azure.functions.meta import Datum

GENERIC = "generic"

Metadata = Mapping[str, Datum]


@dataclass(frozen=True)
class Kind:
    """How a parameter is converted: the converter's binding type, and the Python type if annotated.

    `deferred` marks the SDK types (BlobClient and its like), which get a reference instead of content.
    """

    binding: str
    python_type: Any
    deferred: bool = False

    def accepts_input(self) -> bool:
        """Whether the converter can make the annotated type."""
        if self.binding == GENERIC:
            return issubclass(self.python_type, (str, bytes))
        return bool(self._converter().check_input_type_annotation(self.python_type))

    def accepts_output(self) -> bool:
        """Whether the converter can send the annotated type."""
        if self.binding == GENERIC:
            return issubclass(self.python_type, (str, bytes, bytearray))
        return bool(self._converter().check_output_type_annotation(self.python_type))

    def decode(self, data: Datum, metadata: Metadata) -> object:
        """Make the value of an input parameter. Raises whatever the converter raises on data it cannot take."""
        if self.binding == GENERIC:
            if data.type not in ("string", "bytes", "json"):
                raise ValueError(f"a {data.type} cannot be given to a parameter of type str or bytes")
            return data.value
        if self.deferred:
            return self._converter().decode(data, trigger_metadata=metadata, pytype=self.python_type)
        return self._converter().decode(data, trigger_metadata=metadata)

    def encode(self, value: object) -> Datum:
        """Make what the host receives of an output. Raises TypeError for a type that the binding does not take."""
        if self.binding == GENERIC:
            if not isinstance(value, str | bytes | bytearray):
                raise TypeError(f"an output declared as str or bytes was given a {type(value).__name__}")
            return Datum(value, "string") if isinstance(value, str) else Datum(bytes(value), "bytes")
        try:
            encoded: Datum = self._converter().encode(value, expected_type=self.python_type)
        except NotImplementedError:
            message = f"a {type(value).__name__} cannot be sent through the binding {self.binding!r}"
            raise TypeError(message) from None
        return encoded

    def _converter(self) -> Any:
        registry: Any = extensions.get_binding_registry if self.deferred else func.get_binding_registry
        return registry().get(self.binding)


def is_sdk_type(python_type: object) -> bool:
    """Whether a parameter of that type is given a client instead of content."""
    registry: Any = extensions.get_binding_registry
    return bool(registry().check_supported_type(python_type))


@dataclass(frozen=True)
class ModelBindingData:
    """What the host sends for an SDK type instead of the content."""

    version: str
    source: str
    content_type: str
    content: str
