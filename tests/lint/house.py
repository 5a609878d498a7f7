#!/usr/bin/env python3
"""The rules of CONTRIBUTING.md that a machine can hold the tree to. Prints file:line: rule."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_LINES = 400
# File: why it may be longer.
LONGER = {}
SKIPPED_FOLDERS = {".git", "dist", "__pycache__", "corpus"}
TEXT = {".cpp", ".h", ".py", ".sh", ".cmake", ".md", ".txt", ".yaml", ".yml", ".json", ".conf", ".service", ".spec", ""}

STRING_OR_COMMENT = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\\\s]{0,16})\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
# A literal that is a place on the machine. Object paths of the bus look like one and are none; what is the process's
# own is the same below any root.
ABSOLUTE = re.compile(r'^(?:R"[^(]*\(|")/(bin|boot|dev|etc|home|lib|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)(?=[/"])')
NO_PLACE = re.compile(r'^"(/dev/bedplate/Bedplate1|/dev/null"|/proc/self/)')

# Pattern over the code without comments and strings, and what to do instead.
CODE_RULES = [
    (re.compile(r"\busing\s+namespace\b(?!\s+std::(\w+::)*(chrono_)?(string_view_|string_)?literals)"),
     "no `using namespace`: name what you use"),
    (re.compile(r"\b(?:std::)?(atoi|atol|atoll|atof|stoi|stol|stoll|stoul|stoull|stof|stod|strtol|strtoll|strtoul"
                r"|strtoull|strtod|sscanf)\s*\("), "numbers are parsed by std::from_chars"),
    (re.compile(r"(?<![\w.>:])(?:std::|::)?(system|popen)\s*\("), "no shell: start programs with an argument list"),
    (re.compile(r"(?<![\w.>:])(?:::)?(strcpy|strcat|sprintf|gets|mktemp|tmpnam|tempnam)\s*\("), "an unbounded call"),
]
HEAVY = re.compile(r"^\s*#\s*include\s*<(nlohmann/json\.hpp|CLI/CLI\.hpp|CLI11|yaml-cpp/|sqlite3\.h|git2|curl/)", re.MULTILINE)


def files():
    """What Git knows or would add; every file below the top where there is no Git."""
    listing = subprocess.run(["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True, check=False)
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
        found = [ROOT / name for name in names if name]
    else:
        found = [p for p in ROOT.rglob("*") if not p.relative_to(ROOT).parts[0].startswith("build")]
    for path in sorted(found):
        parts = set(path.relative_to(ROOT).parts)
        if path.is_file() and not path.is_symlink() and not parts & SKIPPED_FOLDERS:
            yield path


def blank(match):
    """A comment or a literal as spaces, so that offsets and lines stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_cpp(name, text, say):
    for match in STRING_OR_COMMENT.finditer(text):
        token = match.group(0)
        in_product = name.startswith(("agent/", "tuning/"))
        if in_product and name != "tuning/host/paths.h" and ABSOLUTE.match(token) and not NO_PLACE.match(token):
            say(line_of(text, match.start()), f"an absolute path outside tuning/host/paths.h: {token[:60]}")
    code = STRING_OR_COMMENT.sub(blank, text)
    for pattern, instead in CODE_RULES:
        for match in pattern.finditer(code):
            line = text[text.rfind("\n", 0, match.start()) + 1:].split("\n", 1)[0]
            if "NOLINT" in line:
                continue  # with its reason
            local = line.startswith(" ")
            if name.startswith("tests/") and match.group(0).startswith("using") and local:
                continue  # in one function of a test it hides nothing
            say(line_of(text, match.start()), f"{match.group(0).strip()}: {instead}")
    if name.endswith(".h"):
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            say(1, "a header starts with #pragma once")
        for match in HEAVY.finditer(text):
            if match.group(1) == "git2" and name.startswith("agent/worker/"):
                continue  # its own folder
            say(line_of(text, match.start()), f"a heavy header in a header: {match.group(1)} belongs in a .cpp")


def machine_path():
    """This checkout's own place, and its top folder where that is no usual one."""
    usual = {"home", "root", "tmp", "usr", "var", "opt", "srv", "mnt", "media", "src", "run", "builds", "build"}
    places = [re.escape(str(ROOT)) + r"(?![\w.-])"]
    if ROOT.parts[1] not in usual:
        places.append(re.escape(f"/{ROOT.parts[1]}/"))
    return re.compile(r"(?<![\w.*})/-])(?:" + "|".join([*places, r"/home/(?!USER\b)\w+/", r"/Users/\w+/"]) + ")")


def main():
    problems = []
    count = 0
    elsewhere = machine_path()
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix not in TEXT:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        count += 1

        def say(line, what, name=name):
            problems.append(f"{name}:{line}: {what}")

        if path.suffix in (".cpp", ".h"):
            check_cpp(name, text, say)
        if path.suffix in (".cpp", ".h", ".py", ".sh") and name not in LONGER:
            lines = text.count("\n")
            if lines > MOST_LINES:
                say(MOST_LINES, f"{lines} lines: cut it, or give the reason in tests/lint/house.py")
        for match in elsewhere.finditer(text):
            say(line_of(text, match.start()), f"a path of one machine: {match.group(0)}")
        if re.search(r"[ \t]+$", text, re.MULTILINE) and path.suffix in (".cpp", ".h", ".py", ".sh", ".cmake"):
            say(line_of(text, re.search(r"[ \t]+$", text, re.MULTILINE).start()), "blanks at the end of a line")
    for problem in problems:
        print(problem)
    print(f"house: {count} files, {len(problems)} problems")
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main())
