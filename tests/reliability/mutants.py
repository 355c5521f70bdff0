"""Small faults that are put into a module one at a time: what a mutant is, and all those of a source."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    """One fault: where it is, what it makes of the code, and how it is found again."""

    line: int
    what: str
    number: int
    variant: int


def mutants(source: str) -> Iterator[Mutant]:
    """Give all mutants of a source, in the order of its lines; docstrings, annotations and strings stay as they are."""
    for number, node in enumerate(_nodes(ast.parse(source))):
        for variant, new in enumerate(_changes(node)):
            yield Mutant(node.lineno, f"{_words(node)} → {_words(new)}", number, variant)


def faulty(source: str, mutant: Mutant) -> str:
    """Give the source with a mutant in it."""
    tree = ast.parse(source)
    node = _nodes(tree)[mutant.number]
    changed = _put(tree, mutant.number, list(_changes(node))[mutant.variant])
    return ast.unparse(ast.fix_missing_locations(changed))


def _nodes(tree: ast.AST) -> list[ast.expr | ast.stmt]:
    """List expressions and statements that a mutant may change, in an order that a copy has too."""
    found: list[ast.expr | ast.stmt] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, (ast.expr, ast.stmt)):
            found.append(node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "type_params"}:
                continue
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.AST):
                    visit(each)

    visit(tree)
    return found


def _put(tree: ast.Module, number: int, new: ast.AST) -> ast.Module:
    changed = copy.deepcopy(tree)
    target = _nodes(changed)[number]

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return copy.deepcopy(new) if node is target else self.generic_visit(node)

    Put().visit(changed)
    return changed


def _words(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else text[:67] + "…"


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            if type(op) in _COMPARE:
                new = copy.deepcopy(node)
                new.ops[place] = _COMPARE[type(op)]()
                yield new
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    else:
        yield from _of_operation(node)


def _of_operation(node: ast.expr) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield from (node.values[0], node.values[-1])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY and not _type(node):
        yield ast.BinOp(node.left, _BINARY[type(node.op)](), node.right)
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)


def _type(node: ast.BinOp) -> bool:
    """Tell a union of types from a sum."""
    return any(isinstance(side, ast.Constant) and side.value is None for side in (node.left, node.right))


def _of_constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield from (ast.Constant(node.value + 1), ast.Constant(node.value - 1))


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in _TWINS:
        yield ast.Call(ast.Name(_TWINS[node.func.id]), node.args, node.keywords)
    first = node.args[:2]
    if len(first) == 2 and not any(isinstance(arg, ast.Starred) for arg in first):
        yield ast.Call(node.func, [first[1], first[0], *node.args[2:]], node.keywords)


def _of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.Return) and node.value and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, (ast.AugAssign, ast.Raise)) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ):
        yield ast.Pass()
    elif isinstance(node, (ast.If, ast.While)):
        new = copy.deepcopy(node)
        new.test = ast.UnaryOp(ast.Not(), node.test)
        yield new
    elif isinstance(node, (ast.Break, ast.Continue)):
        yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
