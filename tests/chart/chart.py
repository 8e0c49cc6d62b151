"""Real Helm, called as a library, and what Kubernetes' own schemas say to what it renders.

    chart.py values CHART                   the chart's default values
    chart.py lint CHART                     what Helm finds in the chart with the values on stdin
    chart.py render CHART [VERSION...]      the objects that it makes of them, and what each version
                                            of Kubernetes objects to
    chart.py refusals CHART                 of each of a list of values, why Helm refuses them
    chart.py package CHART FOLDER           where Helm has put the chart's archive
    chart.py sbom FILE                      what the schema of CycloneDX objects to

All of it is JSON. What Helm refuses is told on stderr, with exit code 1.
"""

import functools
import json
import sys

import yaml


def values():
    return json.load(sys.stdin)


def show(answer):
    json.dump(answer, sys.stdout)


@functools.cache
def judge():
    import kubernetes_validate

    # It reads a version's definitions, which are megabytes, anew for each object.
    utils = kubernetes_validate.utils
    utils.schema_contents = functools.cache(utils.schema_contents)
    return kubernetes_validate


def objections(document, versions):
    found = []
    for version in versions:
        try:
            judge().validate(document, version, strict=True)
        except judge().SchemaNotFoundError:
            found.append("unknown kind")
            break
        except judge().ValidationError as error:
            found.append(f"{version}: {error.message}")
    return found


def render(chart, *versions):
    rendered = helm.Chart.load(chart).render(values(), name="flowguard", namespace="limits")
    objects, notes = [], ""
    for path, text in sorted(rendered.items()):
        if path.endswith("NOTES.txt"):
            notes = text
            continue
        for document in yaml.safe_load_all(text):
            if document is not None:
                objects.append({"object": document, "objections": objections(document, versions)})
    show({"objects": objects, "notes": notes})


def refusals(chart):
    chart, found = helm.Chart.load(chart), []
    for tried in values():
        try:
            chart.render(tried, name="flowguard", namespace="limits")
            found.append(None)
        except helm.HelmError as error:
            found.append(str(error))
    show(found)


def sbom(file):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(file) as text:
        error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text.read())
    show(None if error is None else str(error))


command, *arguments = sys.argv[1:]
if command == "sbom":
    sbom(*arguments)
else:
    import helm_python as helm

    try:
        if command == "values":
            show(helm.Chart.load(arguments[0]).values)
        elif command == "lint":
            show(helm.lint(arguments[0], values(), strict=True))
        elif command == "render":
            render(*arguments)
        elif command == "refusals":
            refusals(*arguments)
        elif command == "package":
            show(helm.package(arguments[0], destination=arguments[1]))
        else:
            sys.exit(f"no such command: {command}")
    except helm.HelmError as error:
        sys.exit(str(error))
