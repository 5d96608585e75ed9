"""The steps and sidecars of a task: their specs with everything put in that is known, and how they went."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from probe.cluster.parameters import Values, parameters, replaced
from probe.cluster.raw import Raw, mapping, moment, number, objects, text, within
from probe.cluster.scripts import environment, step_invocations
from probe.cluster.security import overlaid, security_context
from probe.evidence.cluster import Step

MOST = 256

Actions = Callable[[str], Raw]
"""The spec of a StepAction by its name, or an empty object."""


def steps_of(spec: Raw, values: Values, status: Raw, actions: Actions) -> tuple[Step, ...]:
    """Of a task's spec and a TaskRun's status (empty where it did not run): steps first, then sidecars."""
    found = [
        *_steps(spec, "steps", status, values, actions),
        *_steps(spec, "sidecars", status, values, actions),
    ]
    return tuple(found[:MOST])


def _steps(spec: Raw, field: str, status: Raw, values: Values, actions: Actions) -> Iterator[Step]:
    sidecar = field == "sidecars"
    states = {text(state.get("name")): state for state in objects(status.get(field), MOST)}
    template = mapping(spec.get("stepTemplate")) if not sidecar else {}
    for index, step in enumerate(objects(spec.get(field), MOST)):
        name = text(step.get("name")) or f"unnamed-{index}"
        yield _step(name, _whole(step, template, actions), states.pop(name, {}), values, sidecar=sidecar)
    for name, state in states.items():  # ran, although the spec at hand does not have it
        yield _step(name, {}, state, values, sidecar=sidecar)


def _whole(step: Raw, template: Raw, actions: Actions) -> Raw:
    """A step with what the template and the StepAction say for it."""
    action = actions(text(within(step, "ref").get("name"))) if isinstance(step.get("ref"), dict) else {}
    whole = {**template, **action, **{key: value for key, value in step.items() if value is not None}}
    whole["env"] = [one for part in (template, action, step) for one in objects(part.get("env"), 1_024)]
    whole["securityContext"] = overlaid(
        overlaid(mapping(template.get("securityContext")), mapping(action.get("securityContext"))),
        mapping(step.get("securityContext")),
    )
    whole["declared"] = action.get("params")
    return whole


def _step(name: str, spec: Raw, state: Raw, values: Values, *, sidecar: bool) -> Step:
    if isinstance(spec.get("ref"), dict):  # a StepAction sees its own parameters only
        own = parameters(spec.get("declared"), spec.get("params"), values)
        values = {**{key: value for key, value in values.items() if not key.startswith("params.")}, **own}
    known = environment(spec.get("env"), values)
    directory = replaced(text(spec.get("workingDir"), 4096), values)
    done, running = mapping(state.get("terminated")), mapping(state.get("running"))
    return Step(
        name=name,
        container=text(state.get("container")) or text(f"{'sidecar' if sidecar else 'step'}-{name}"),
        sidecar=sidecar,
        security=security_context(spec.get("securityContext")),
        invocations=step_invocations(spec, values, known, "" if "$(" in directory else directory),
        on_error=text(spec.get("onError")),
        started=moment(done.get("startedAt")) or moment(running.get("startedAt")),
        ended=moment(done.get("finishedAt")),
        exit_status=number(done.get("exitCode")),
        reason=text(state.get("terminationReason")) or text(done.get("reason")) or _waiting(state),
    )


def _waiting(state: Raw) -> str:
    return text(within(state, "waiting").get("reason"))
