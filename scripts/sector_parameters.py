"""Write docs/methods/sector-parameters.md from the parameter files of the sector of colleges."""

from pathlib import Path

from consortia.world.colleges.parameters import as_page

if __name__ == "__main__":
    page = Path(__file__).resolve().parents[1] / "docs" / "methods" / "sector-parameters.md"
    page.write_text(as_page(), encoding="utf-8")
