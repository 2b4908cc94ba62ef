"""Checks definitions of methods: their blocks, recipes, parts and the settings of these."""

from typing import Any

from longtail.config import recipes, schema
from longtail.config.registry import STAGES, Registry, merge, named_parts
from longtail.imbalance import slug
from longtail.runtime import parts
from longtail.runtime.errors import InputError

# The generator that uses real features only, and the values of augment, mixing and batch_norm with which features
# stay the same from epoch to epoch, so that they can be cached.
REAL, CACHEABLE = {"name": "real"}, (False, None, "frozen")
# The role of a network that another one takes its initial backbone from; algorithms declare further roles.
START = "start"


def define(registry: Registry, name: str, method: dict[str, Any], where: str) -> None:
    """Add a method that was derived from another; raises InputError, beginning with `where`, for a bad setting."""
    registry.methods[name] = schema.check(method, "method", where)
    check(registry, name, where)


def check(registry: Registry, name: str, where: str) -> None:
    """Raises InputError, beginning with `where`, for the first mistake in a method."""
    method = registry.methods[name]
    if "needs" in method:
        return
    if isinstance(method["stage1"], str):
        base = registry.method(method["stage1"], f"{where}, key 'stage1'")
        if "stage2" in base or "post_hoc" in base or "needs" in base:
            raise InputError(f"{where}, key 'stage1': '{method['stage1']}' is not a one-stage method that can run")
        check_head(base["stage1"], method["stage1"], f"{where}, key 'stage1'")
        check_classifies(registry, method["stage1"], f"{where}, key 'stage1'")
    if isinstance(method["stage1"], str) != ("stage2" in method or "post_hoc" in method):
        raise InputError(
            f"{where}: a method with 'stage2' or 'post_hoc' must name in 'stage1' the one-stage method whose network "
            "it uses; a method without them must have a 'stage1' block of its own"
        )
    if "stage2" in method and "post_hoc" in method:
        raise InputError(f"{where}: a method has a 'stage2' or is 'post_hoc', not both: remove one")
    _check_stages(registry, method, where)
    _check_networks(registry, name, where)
    _check_continued(registry, name, where)
    for number, override in enumerate(method["overrides"]):
        at = f"{where}, key 'overrides.{number}'"
        registry.dataset(override["dataset"], at)
        if "stage1" in override and isinstance(method["stage1"], str):
            raise InputError(f"{at}: the Stage 1 is that of '{method['stage1']}': set its overrides there")
        for factor in override.get("factors", []):
            slug(factor, at)
        changes = {stage: override[stage] for stage in (*STAGES, "post_hoc") if stage in override}
        _check_stages(registry, schema.check(merge(method, changes), "method", at), at)


def _check_stages(registry: Registry, method: dict[str, Any], where: str) -> None:
    for stage in STAGES:
        block = method.get(stage)
        if not isinstance(block, dict):
            continue
        recipe = registry.recipe(block["recipe"], f"{where}, key '{stage}.recipe'")
        for key, package, part in named_parts(block):
            _check_part(package, part, where, f"{stage}.{key}", block)
        recipes.check_defer(block, recipe, where)
        if stage == "stage2":
            check_stage2(block, where)
        else:
            _check_stage1(block, where)
    if "post_hoc" in method:
        _check_part("stage2.post_hoc", method["post_hoc"], where, "post_hoc", method)


def _check_stage1(block: dict[str, Any], where: str) -> None:
    deferred = block["deferred"]
    if deferred is not None and all(block[key] == part for key, part in deferred.items()):
        raise InputError(
            f"{where}, key 'stage1.deferred': is what training begins with, so nothing changes: replace or remove it"
        )
    algorithm = block["algorithm"]["name"]
    for key in parts.literal("stage1.algorithms", algorithm, "WITHOUT", []):
        if block[key] is not None:
            raise InputError(f"{where}, key 'stage1.{key}': has no meaning under algorithm '{algorithm}': remove it")
    required = parts.literal("stage1.algorithms", algorithm, "NETWORKS", ())
    roles = {START, *required}
    for role in block.get("networks", {}):
        if role not in roles:
            raise InputError(f"{where}, key 'stage1.networks': unknown role '{role}': {parts.nearest(role, roles)}")
    if missing := sorted(set(required) - block.get("networks", {}).keys()):
        raise InputError(
            f"{where} lacks the key 'stage1.networks.{missing[0]}': algorithm '{algorithm}' reads a finished "
            "network: name a one-stage method"
        )
    known = parts.names("models")
    for name in block["backbones"].values():
        if name not in known:
            raise InputError(
                f"{where}, key 'stage1.backbones': unknown backbone '{name}': {parts.nearest(name, known)}"
            )


def check_stage2(block: dict[str, Any], where: str) -> None:
    """Raises InputError if a Stage 2 draws from features that it changes itself, or learns nothing."""
    if block["generator"] != REAL and changed(block):
        raise InputError(
            f"{where}, key 'stage2.generator': '{block['generator']['name']}' draws from cached features, "
            "which nothing may change: set augment: false, mixing: null and batch_norm: frozen"
        )
    if not any(rate for key, rate in block["classifier"].items() if key.endswith("_rate")):
        raise InputError(f"{where}, key 'stage2.classifier': every rate is 0, so nothing learns: raise one of them")


def changed(stage2: dict[str, Any]) -> bool:
    """Whether a Stage 2 changes images or backbone, so that it cannot learn on cached features."""
    return (stage2["augment"], stage2["mixing"], stage2["batch_norm"]) != CACHEABLE


def check_classifies(registry: Registry, name: str, where: str) -> None:
    """Raises InputError if a method's own network predicts something else than the classes of the data."""
    stage1 = registry.methods[name].get("stage1")
    if isinstance(stage1, dict) and outputs(stage1) is not None:
        raise InputError(
            f"{where}: '{name}' learns a task that is not the classes, for other networks to start from: name a "
            "method that has it in stage1.networks"
        )


def outputs(stage1: dict[str, Any]) -> int | None:
    """Number of outputs of a Stage 1 that predicts something else than the classes; None if it predicts these."""
    declared: int | None = parts.literal("stage1.algorithms", stage1["algorithm"]["name"], "OUTPUTS", None)
    return declared


def _check_networks(registry: Registry, name: str, where: str, above: tuple[str, ...] = ()) -> None:
    """Raises InputError if a method reads a network that cannot be trained, or if networks read each other.

    A network that another does not only start from must predict the classes, with a linear head.
    """
    at = f"{where}, key 'stage1.networks'"
    for role, other in _networks_read(registry.methods[name]):
        base = registry.method(other, at)
        if not isinstance(base.get("stage1"), dict):
            raise InputError(f"{at}: '{other}' is not a one-stage method that can run")
        if other in (name, *above):
            raise InputError(
                f"{at}: '{other}' reads the network of '{name}' in turn: let one of them stand by itself"
            )
        if role != START:
            if outputs(base["stage1"]) is not None:
                raise InputError(f"{at}: '{other}' does not predict the classes: name a method that does")
            check_head(base["stage1"], other, at)
        _check_networks(registry, other, where, (*above, name))


def _check_continued(registry: Registry, name: str, where: str) -> None:
    """Raises InputError if a method takes over a whole network whose classifier cannot be its own."""
    block = registry.methods[name]["stage1"]
    if not isinstance(block, dict):
        return
    if not parts.literal("stage1.algorithms", block["algorithm"]["name"], "CONTINUES", False):
        return
    for role, other in block["networks"].items():
        base = registry.methods[other]["stage1"]
        if outputs(base) is not None or base["head"] != block["head"]:
            raise InputError(
                f"{where}, key 'stage1.networks.{role}': algorithm '{block['algorithm']['name']}' takes the whole "
                f"network of '{other}', whose classifier is another one: name a method that learns the classes with "
                f"the head {block['head']['name']}, with equal settings"
            )


def _networks_read(method: dict[str, Any]) -> list[tuple[str, str]]:
    """Every network that a method reads on at least one data set, with its role."""
    blocks = [method["stage1"], *(override.get("stage1", {}) for override in method["overrides"])]
    networks = [block.get("networks", {}).items() for block in blocks if isinstance(block, dict)]
    return list(dict.fromkeys(read for roles in networks for read in roles))


def check_head(block: dict[str, Any], name: str, where: str) -> None:
    """Raises InputError if the Stage 1 called `name` has a head that is not linear, which no other method can use."""
    head = block["head"]["name"]
    if not parts.literal("heads", head, "LINEAR", False):
        raise InputError(
            f"{where}: '{name}' has the head '{head}', but a method on a finished network requires a linear one: "
            "name another method"
        )


def _check_part(package: str, block: dict[str, Any], where: str, key: str, stage: dict[str, Any]) -> None:
    name, kind = block["name"], key.rsplit(".", 1)[-1]
    if name not in parts.names(package):
        raise InputError(
            f"{where}, key '{key}.name': unknown {kind} '{name}': {parts.nearest(name, parts.names(package))}"
        )
    rules = parts.settings(package, name)
    for setting in block:
        if setting != "name" and setting not in rules:
            raise InputError(f"{where}, key '{key}': unknown setting '{setting}': {parts.nearest(setting, rules)}")
    for setting, rule in rules.items():
        if setting not in block:
            raise InputError(f"{where}, key '{key}' lacks '{setting}', a setting of {name}: add it")
        if "same_as" in rule:
            other, at = rule["same_as"].split(".")
            same = stage.get(other, {}).get(at)  # a Stage 2 has no head of its own
            if block[setting] != (rule.get("absent") if same is None else same):
                raise InputError(
                    f"{where}, key '{key}.{setting}' is {block[setting]!r} and '{rule['same_as']}' is "
                    f"{same!r}: {name} requires equal values"
                )
    schema.conform(block, {"properties": rules}, f"{where}, '{key}'")


def stage1_of(method: dict[str, Any], name: str) -> str:
    """The one-stage method whose network a method uses: another one, or itself."""
    return method["stage1"] if isinstance(method["stage1"], str) else name
