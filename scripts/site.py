"""What the site has beside docs/: a hook of MkDocs, named in mkdocs.yml.

Enters: files of the repository. Leaves: pages made of them (settings, notebooks, the Python reference, changelog), and links
that lead to those pages, where on the plain view of the repository they lead to the files.
"""

import base64
import json
import re
from pathlib import Path

from markdown import Extension
from markdown.preprocessors import Preprocessor
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
PAGES = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
NOTEBOOKS = ["notebook", "your_own_data"]
MODULES = {"slirec": ["load", "Bundle", "Recommendations", "Item", "prepare", "train", "evaluate", "Dataset", "Run",
                      "Evaluation", "Report", "Frame", "SlirecError"],
           "slirec.spark": ["interactions", "sessions", "recommend", "score"]}


class Examples(Preprocessor):
    """Examples of docstrings as blocks of code; to Markdown they would be quotations."""

    def run(self, lines):
        """Fence each run of lines that begins with a prompt."""
        out, within = [], False
        for line in lines:
            begins = not within and line.startswith(">>> ")
            ends = within and not line.strip()
            out += [*(["```pycon"] if begins else []), *(["```"] if ends else []), line]
            within = (within or begins) and not ends
        return [*out, "```"] if within else out


class ExamplesExtension(Extension):
    """Adds `Examples` before fences are read."""

    def extendMarkdown(self, md):
        """Called by Markdown."""
        md.preprocessors.register(Examples(md), "examples", 40)


def on_config(config):
    """Read docstrings' examples as code."""
    config.markdown_extensions.append(ExamplesExtension())
    return config


def on_files(files, config):
    """Add the pages."""
    for name in PAGES:
        add(files, config, name, (ROOT / name).read_text(encoding="utf-8"))
    add(files, config, "SETTINGS.md", settings((ROOT / "config/server.toml").read_text(encoding="utf-8")))
    add(files, config, "PYTHON_REFERENCE.md", reference())
    for name in NOTEBOOKS:
        add(files, config, f"examples/{name}.md", notebook(ROOT / f"examples/{name}.ipynb"))
    return files


def add(files, config, name, content):
    """Add a page that lies nowhere in docs/."""
    files.append(File.generated(config, name, content=content))


def on_page_markdown(markdown, page, config, files):
    """Lead links to the pages of the site."""
    origin = page.file.src_uri
    if origin in PAGES:
        # These lie beside docs/.
        markdown = re.sub(r"\]\(docs/", "](", markdown)
        # Files that are no pages keep their names.
        markdown = re.sub(r"\[([^]]+)\]\((?!\w+://)[\w./]+\.toml\)", r"\1", markdown)
    if origin.startswith("examples/"):
        markdown = re.sub(r"\]\(\.\./docs/", "](../", markdown)
        markdown = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", markdown)
    markdown = re.sub(r"\]\(\.\./examples/(\w+)\.ipynb\)", r"](examples/\1.md)", markdown)
    markdown = re.sub(r"\]\(\.\./(CHANGELOG|CONTRIBUTING|SECURITY)\.md", r"](\1.md", markdown)
    markdown = re.sub(r"\]\(\.\./config/server\.toml\)", "](SETTINGS.md)", markdown)
    return nested(without_files(origin, markdown))


def without_files(origin, markdown):
    """Files of the repository are not in the site: what led to them is their name. They must exist all the same."""
    folder = ROOT / "docs"

    def named(found):
        if not (folder / found[2].split("#")[0]).exists():
            raise PluginError(f"{origin}: {found[2]} is not there")
        return found[1]

    # Pages made of notebooks lie one folder deeper, and lead to pages alone.
    return markdown if "/" in origin else re.sub(r"\[([^]]+)\]\((\.\./[^)]*)\)", named, markdown)


def nested(markdown):
    """Lines below a numbered item begin at its text, by three spaces: Python's Markdown wants four."""
    lines, within, fenced = [], False, False
    for line in markdown.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        if not fenced:
            within = bool(re.match(r"\d\. ", line)) or (within and (not line or line.startswith("   ")))
            if within and line.startswith("   ") and not line.startswith("    "):
                line = " " + line
        lines.append(line)
    return "\n".join(lines)


def settings(text):
    """The service's settings file: a heading for each section, each key with its default and what stands above it."""
    parts = ["# Settings\n", "Made of `config/server.toml`; [OPERATION.md](OPERATION.md#configuration) says how files, "
             "variables and flags come together.\n"]
    said = []
    for line in text.splitlines():
        section = re.fullmatch(r"\[([\w.]+)\]", line)
        if line.startswith("#"):
            said.append(re.sub(r"([\\`*_<\[\]])", r"\\\1", line.removeprefix("#").strip()))
            continue
        if said and (section or not line):
            parts.append("\n".join(said) + "\n")
        if section:
            parts.append(f"## {section[1]}\n")
        elif line:
            parts.append(f"- `{line}`  \n    " + "\n    ".join(said) + "\n")
        said = []
    return "\n".join(parts)


def reference():
    """Docstrings and signatures, by mkdocstrings."""
    parts = ["# Python reference\n", "Made of the docstrings; [PYTHON.md](PYTHON.md) tells how things go together.\n"]
    for module, names in MODULES.items():
        parts.append(f"## {module}\n")
        parts += [f"::: {module}.{name}\n" for name in names]
    return "\n".join(parts)


def notebook(path):
    """A notebook with the outputs that it was committed with."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif source:
            parts.append(f"```python\n{source}\n```")
        parts += [shown(output) for output in cell.get("outputs", [])]
    return "\n\n".join(parts) + "\n"


def shown(output):
    """An output as Markdown: a picture, a table, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        content = base64.b64encode(base64.b64decode("".join(data["image/png"]))).decode()
        return f'<img alt="What the cell above draws" src="data:image/png;base64,{content}">'
    if "text/html" in data:
        html = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
        # Blank lines would end the block for Markdown.
        return re.sub(r"<table[^>]*>", "<table>", re.sub(r"\n\s*", "", html))
    return "```text\n" + "".join(data.get("text/plain", output.get("text", ""))).rstrip("\n") + "\n```"
