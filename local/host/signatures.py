"""Checks a function's signature against its bindings, by the rules of the Python worker."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.host.bindings import RETURN, BlobTrigger, Output, QueueOutput, Trigger
from local.host.values import GENERIC, Kind, is_sdk_type

_CONTEXT = "context"


@dataclass(frozen=True)
class Signature:
    """How a function is called."""

    trigger: Kind
    outputs: Mapping[str, Kind]  # RETURN among them, if there is a return binding
    takes_context: bool


def read_signature(call: Callable[..., object], trigger: Trigger, outputs: Mapping[str, Output]) -> Signature:
    """Check a function against its trigger and its outputs by name. Raises ValueError with the first misfit."""
    annotations = typing.get_type_hints(call)
    declared = set(inspect.signature(call).parameters)
    bound = {trigger.name, *outputs} - {RETURN}
    takes_context = _CONTEXT in declared - bound
    _check_names(declared - ({_CONTEXT} - bound), bound)
    if takes_context:
        _check_context(annotations.get(_CONTEXT))
    return Signature(
        trigger=_input(trigger, annotations),
        outputs={name: _output(name, output, annotations) for name, output in outputs.items()},
        takes_context=takes_context,
    )


def _check_names(declared: set[str], bound: set[str]) -> None:
    if unknown := declared - bound:
        raise ValueError(f"parameters without a binding: {', '.join(sorted(unknown))}")
    if absent := bound - declared:
        raise ValueError(f"bindings without a parameter: {', '.join(sorted(absent))}")


def _check_context(annotation: object) -> None:
    if annotation is None:
        return
    if not isinstance(annotation, type) or annotation.__name__ != "Context":
        raise ValueError(f"parameter context must be an azure.functions.Context, not {annotation!r}")


def _input(trigger: Trigger, annotations: Mapping[str, object]) -> Kind:
    name = trigger.name
    annotation = annotations.get(name)
    if _is_out(annotation):
        raise ValueError(f"parameter {name} is an input, but its annotation is azure.functions.Out")
    if name in annotations:
        _check_is_type(annotation, name)
    if isinstance(trigger, BlobTrigger) and not is_sdk_type(annotation):
        raise ValueError(
            f"parameter {name} would be given the content of every blob, which must not reach the worker:"
            f" annotate it with BlobClient of azurefunctions.extensions.bindings.blob"
        )
    if name not in annotations:
        return Kind(trigger.type, None)
    return _fitting(Kind(_converter(trigger.type, annotation), annotation, is_sdk_type(annotation)), name)


def _output(name: str, output: Output, annotations: Mapping[str, object]) -> Kind:
    if name == RETURN:
        return _returned(output, annotations)
    annotation = annotations.get(name)
    if annotation is None:
        return Kind(output.type, None)
    if not _is_out(annotation):
        raise ValueError(f"parameter {name} is an output, but its annotation is not azure.functions.Out")
    inner = next(iter(typing.get_args(annotation)), None)
    return _sendable(Kind(_converter(output.type, inner), inner), name, output)


def _returned(output: Output, annotations: Mapping[str, object]) -> Kind:
    if "return" not in annotations:
        return Kind(output.type, None)
    annotation = annotations["return"]
    if _is_out(annotation) or not isinstance(annotation, type):
        raise ValueError(f"the return annotation {annotation!r} is not a type that can be sent")
    return _sendable(Kind(output.type, annotation), "the return value", output)


def _converter(binding: str, annotation: object) -> str:
    return GENERIC if annotation in (str, bytes) else binding


def _fitting(kind: Kind, name: str) -> Kind:
    if not kind.accepts_input():
        raise ValueError(f"parameter {name} of a {kind.binding} cannot be a {_said(kind.python_type)}")
    return kind


def _sendable(kind: Kind, name: str, output: Output) -> Kind:
    _check_is_type(kind.python_type, name)
    if not kind.accepts_output():
        raise ValueError(f"{name} of a binding {output.type} cannot be a {_said(kind.python_type)}")
    if isinstance(output, QueueOutput) and not _is_plain_message(kind.python_type):
        raise ValueError(f"{name}: queue messages are sent here as str, bytes or typing.List[str] only")
    return kind


def _is_plain_message(annotation: object) -> bool:
    return annotation in (str, bytes) or typing.get_args(annotation) == (str,)


def _check_is_type(annotation: object, name: str) -> None:
    if not isinstance(annotation, type) and not _is_typing_generic(annotation):
        raise ValueError(f"{name} has the annotation {annotation!r}, which the worker does not take for a type")


def _is_typing_generic(annotation: object) -> bool:
    """Whether the worker knows it as generic: typing.List[str] is, list[str] and Optional[str] are not."""
    origin = typing.get_origin(annotation)
    return origin not in (None, typing.Union) and not isinstance(annotation, types.GenericAlias | types.UnionType)


def _is_out(annotation: object) -> bool:
    return getattr(typing.get_origin(annotation) or annotation, "__name__", "") == "Out"


def _said(annotation: object) -> str:
    return getattr(annotation, "__name__", repr(annotation))
