"""What the house's own tests look at: source files, their imports, and calls that a pure module must not make."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "ROOT",
    "dotted_names",
    "imported_modules",
    "impurities",
    "modules_of",
    "python_files",
    "set_iterations",
]

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

#: Modules whose whole purpose is a clock, chance, the outside, or a log.
IMPURE_MODULES = frozenset(
    {"asyncio", "logging", "os", "random", "secrets", "socket", "subprocess", "sys", "threading", "time"}
)
#: Single functions of modules that are pure otherwise.
IMPURE_CALLS = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "uuid.getnode",
        "uuid.uuid1",
        "uuid.uuid4",
    }
)
#: Built-in functions that reach outside, or answer differently in each process (`hash` of a text is salted).
IMPURE_BUILTINS = frozenset({"breakpoint", "hash", "id", "input", "open", "print"})

#: What takes a set and gives the same answer whatever its order.
_ORDERLESS = frozenset({"all", "any", "bool", "frozenset", "len", "max", "min", "set", "sorted"})
_SET_NAMES = frozenset({"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_ITERATING = frozenset(
    {"list", "tuple", "enumerate", "iter", "next", "zip", "map", "filter", "sum", "reversed", "dict"}
)


def python_files(*places: str) -> list[Path]:
    """Return the Python files below these places of the repository (a file or a folder each), sorted."""
    found: set[Path] = set()
    for place in places:
        path = ROOT / place
        found.update([path] if path.suffix == ".py" and path.exists() else path.rglob("*.py"))
    return sorted(found)


def modules_of(package: str) -> list[str]:
    """Return the dotted names of all modules of a package of `src`, itself included, sorted."""
    names = []
    for path in python_files(f"src/{package.replace('.', '/')}"):
        parts = path.relative_to(SRC).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return sorted(names)


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield the module of every import, wherever it stands. Relative imports begin with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def dotted_names(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name stands for: {"dt": "datetime", "now": "datetime.datetime"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def impurities(source: str) -> list[str]:
    """Return each use of a clock, chance, the outside or a set's order, as `line: what`."""
    tree = ast.parse(source)
    found = [
        (node.lineno, f"imports {module}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in imported_modules_of(node)
        if module.split(".")[0] in IMPURE_MODULES
    ]
    names = dotted_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and (called := _resolve(node, names)) in IMPURE_CALLS:
            found.append((node.lineno, f"uses {called}"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS:
            assert hasattr(builtins, node.func.id)
            found.append((node.lineno, f"calls {node.func.id}()"))
    found += set_iterations(tree)
    return [f"{line}: {what}" for line, what in sorted(set(found))]


def imported_modules_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the modules that one statement imports."""
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]


def _resolve(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        before = _resolve(node.value, names)
        return f"{before}.{node.attr}" if before else ""
    return ""


def set_iterations(tree: ast.Module) -> list[tuple[int, str]]:
    """Return where a set's order, which differs from process to process, can reach a result."""
    fields = {
        f".{node.target.id}"
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and _annotates_set(node.annotation)
    }
    attributes = {
        f".{target.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _Sets(fields).is_set(node.value)
        for target in node.targets
        if isinstance(target, ast.Attribute)
    }
    return _in_scope(tree, _Sets(fields | attributes))


def _in_scope(scope: ast.AST, around: _Sets) -> list[tuple[int, str]]:
    """Return the findings of one module or function; functions within see its names."""
    nodes = list(_own_nodes(scope))
    sets = around.within(scope, nodes)
    excused = {id(part) for node in nodes for part in _orderless_parts(node, sets)}
    found: list[tuple[int, str]] = []
    for node in nodes:
        if isinstance(node, _FUNCTIONS) and node is not scope:
            found += _in_scope(node, sets)
        elif id(node) in excused:
            continue
        elif isinstance(node, ast.For | ast.AsyncFor) and sets.is_set(node.iter):
            found.append((node.lineno, "iterates over a set"))
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
            sources = [generator.iter for generator in node.generators]
            found += [(source.lineno, "iterates over a set") for source in sources if sets.is_set(source)]
        elif isinstance(node, ast.Starred) and sets.is_set(node.value):
            found.append((node.lineno, "unpacks a set"))
        elif isinstance(node, ast.Call):
            found += _set_in_call(node, sets)
    return found


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope; of functions within it, only the function itself."""
    waiting: list[ast.AST] = [scope]
    while waiting:
        node = waiting.pop()
        yield node
        if node is scope or not isinstance(node, _FUNCTIONS):
            waiting.extend(ast.iter_child_nodes(node))


def _orderless_parts(node: ast.AST, sets: _Sets) -> list[ast.expr]:
    """Return the parts of `node` whose order cannot be seen in its value."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=args) if name in _ORDERLESS:
            return args
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=args) if attr.endswith("update"):
            return args if sets.is_set(value) else []
        case ast.Set(elts=parts):
            return parts
    return []


def _set_in_call(node: ast.Call, sets: _Sets) -> list[tuple[int, str]]:
    if isinstance(node.func, ast.Name) and node.func.id in _ITERATING and any(map(sets.is_set, node.args)):
        return [(node.lineno, f"passes a set to {node.func.id}()")]
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in {"join", "fromkeys", "extend"} and any(map(sets.is_set, node.args)):
            return [(node.lineno, f"passes a set to .{node.func.attr}()")]
        if node.func.attr == "pop" and not node.args and sets.is_set(node.func.value):
            return [(node.lineno, "pops from a set")]
    return []


class _Sets:
    """Which names (`x`) and attributes (`.x`) are sets, as far as the module's own text tells."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def within(self, scope: ast.AST, nodes: list[ast.AST]) -> _Sets:
        """Return what is known inside a scope: its own assignments and parameters hide outer names."""
        arguments = scope.args if isinstance(scope, _FUNCTIONS) else None
        own = [] if arguments is None else [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        inner = _Sets(self._names - {argument.arg for argument in own})
        inner._names |= {a.arg for a in own if a.annotation is not None and _annotates_set(a.annotation)}
        # Twice, so that a set made of a set that is assigned further down is known too.
        for _ in range(2):
            for node in nodes:
                match node:
                    case ast.Assign(targets=targets, value=value) if inner.is_set(value):
                        inner._names |= {target.id for target in targets if isinstance(target, ast.Name)}
                    case ast.NamedExpr(target=target, value=value) if inner.is_set(value):
                        inner._names.add(target.id)
                    case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if _annotates_set(
                        annotation
                    ):
                        inner._names.add(name)
        return inner

    def is_set(self, node: ast.expr) -> bool:
        """Whether `node` is a set for all that can be told."""
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _SET_METHODS:
                return self.is_set(value)
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
                return any(self.is_set(side) or _is_view(side) for side in (left, right))
            case ast.Name(id=name):
                return name in self._names
            case ast.Attribute(attr=attr):
                return f".{attr}" in self._names
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_set(body) or self.is_set(orelse)
        return False


def _is_view(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="keys"), args=[]):
            return True
    return False


def _annotates_set(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Subscript(value=value, slice=inner):
            name = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "")
            if name in {"Final", "ClassVar", "Annotated", "Optional"}:
                first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
                return _annotates_set(first)
            return _annotates_set(value)
        case ast.Name(id=name):
            return name in _SET_NAMES
        case ast.Attribute(attr=name):
            return name in _SET_NAMES
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _annotates_set(left) or _annotates_set(right)
    return False
