#!/usr/bin/env python3
"""What one signing costs at boot: `sts-agent-name presign` beside a script with boto3.

    cargo build --release --features cli
    python3 -m venv .venv && .venv/bin/pip install boto3
    python3 benches/startup.py target/release/sts-agent-name .venv/bin/python3 [rounds]

Both sign with the same credentials from the environment and reach nobody. They take turns; a figure is the median of
all rounds. CPU time, user and system, is the kernel's count for the process (getrusage). The peak of the resident set
is read from a run of its own under GNU time: the kernel counts the set of whoever starts a process as the process's
own, so it must be started by something smaller than this script.
"""

import os
import statistics
import subprocess
import sys

TIME = "/usr/bin/time"

# The shape of the script that it stands in for: one client, one URL, printed.
SCRIPT = """
import boto3
sts = boto3.client("sts")
url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=900, HttpMethod="GET")
print(url)
"""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE" * 40,
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "HOME": "/nonexistent",
}


def cpu_of(command):
    """Milliseconds of CPU of one run, which must print one URL of STS."""
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_CLOSE, reader)]
    child = os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=actions)
    os.close(writer)
    with os.fdopen(reader) as output:
        printed = output.read()
    _, status, usage = os.wait4(child, 0)
    if status != 0 or not printed.startswith("https://sts.") or printed.count("\n") != 1:
        sys.exit(f"{command[0]} did not print a URL")
    return (usage.ru_utime + usage.ru_stime) * 1000


def peak_of(command):
    """MiB of the resident set at its largest."""
    run = subprocess.run([TIME, "-f", "%M", *command], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return int(run.stderr) / 1024


def main():
    ours, python = (os.path.abspath(path) for path in sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    ways = {"presign": [ours, "presign"], "boto3": [python, "-c", SCRIPT]}
    cpu, peak = ({name: [] for name in ways} for _ in range(2))
    for command in ways.values():
        # For the page cache, and for Python's compiled modules.
        cpu_of(command)
    for _ in range(rounds):
        for name, command in ways.items():
            cpu[name].append(cpu_of(command))
            peak[name].append(peak_of(command))
    cpu, peak = ({name: statistics.median(all) for name, all in taken.items()} for taken in (cpu, peak))
    for name in ways:
        print(f"{name:8} {cpu[name]:8.2f} ms CPU {peak[name]:8.2f} MiB peak")
    print(f"ratio    {cpu['boto3'] / cpu['presign']:8.1f} CPU    {peak['boto3'] / peak['presign']:8.1f} memory")


main()
