"""A Report as JUnit XML, the form that CI pages read: one test suite per architecture."""

from pathlib import Path
from xml.etree import ElementTree

from bot.handoff import Report
from bot.verify.log import plain


def write(report: Report, path: Path) -> None:
    root = ElementTree.Element("testsuites", name="auton verify", time=f"{report.seconds:.3f}")
    for arch in report.archs:
        failures = sum(check.verdict not in ("PASS", "INFRA") for check in arch.checks)
        errors = sum(check.verdict == "INFRA" for check in arch.checks)
        suite = ElementTree.SubElement(root, "testsuite", name=arch.arch, tests=str(len(arch.checks)),
                                       failures=str(failures), errors=str(errors), time=f"{arch.seconds:.3f}")
        for check in arch.checks:
            case = ElementTree.SubElement(suite, "testcase", classname=arch.arch, name=plain(check.name),
                                          time=f"{check.seconds:.3f}")
            if check.where:
                file, _, line = check.where.rpartition(":")
                case.set("file", plain(file))
                case.set("line", line)
            if check.verdict != "PASS":
                kind = "error" if check.verdict == "INFRA" else "failure"
                detail = plain(check.detail)
                first = detail.partition("\n")[0]
                fault = ElementTree.SubElement(case, kind, type=check.verdict, message=first)
                fault.text = detail
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
