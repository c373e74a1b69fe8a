"""placeholder"""
from dataclasses import dataclass
@dataclass
class Solved: ...
def solve(c, L): raise NotImplementedError
