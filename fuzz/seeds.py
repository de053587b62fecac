#!/usr/bin/env python3
"""Writes the first inputs of each target to seeds/, from ../fixtures. Two runs give the same bytes.

What a long run has found worth keeping is added beside them under a name that begins with `found-`; this
script leaves those alone.
"""

import pathlib
from datetime import datetime, timezone

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"


def fixtures(folder):
    """(name, headers, payload) of each case, by name."""
    for path in sorted((FIXTURES / folder).glob("*.txt")):
        head, payload = path.read_bytes().split(b"\n\n", 1)
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\n")]
        yield path.stem, dict(headers), payload.removesuffix(b"\n")


def spread(cases, key, each=1, longest=4096):
    """The first few cases of each kind: one of each fault, whatever its name."""
    kinds = {}
    for case in cases:
        if len(case[2]) <= longest:
            kinds.setdefault(key(case), []).append(case)
    return [case for kind in kinds.values() for case in kind[:each]]


def urls():
    for name, _, payload in spread(fixtures("urls"), lambda it: it[1]["expect"], 1, 1024):
        yield name, payload
    for name, _, payload in list(spread(fixtures("real-clients"), lambda it: it[1]["client"], 1, 1024))[::3]:
        yield name, payload


def replies():
    for name, _, payload in spread(fixtures("replies"), lambda it: it[1]["expect"], 3, 1024):
        yield name, payload


def arns():
    for name, _, payload in list(fixtures("replies"))[::2]:
        if name.startswith(("accept-", "invalid-identity-arn-")) and payload.count(b"<Arn>") == 1:
            arn = payload.split(b"<Arn>")[1].split(b"</Arn>")[0]
            if len(arn) < 200:
                yield name, arn


def role_patterns():
    for number, text in enumerate(
        ["agents\nagents", "agents-*\nagents-a", "*-agents\nci-agents", "*agents*\nevil-agents-x", "ab*ba\naba",
         "a*b*c\naXbYc", "*a*a*\nxaxax", "role-a, role-b-*\t,role-c\nrole-b-1", "a,,b\na", "***\na",
         "*a" * 64 + "\n" + "a" * 64, "a*" * 32 + "b\n" + "a" * 64]):
        yield f"pattern-{number:02}", text.encode()


def signings():
    for name, headers, _ in list(fixtures("presign"))[::2]:
        at = datetime.strptime(headers["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        headers["at"] = str(int(at.timestamp()))
        keys = ["host", "region", "access-key-id", "secret-access-key", "session-token", "at", "audience"]
        if len(headers.get("session-token", "")) < 600:
            yield name, "".join(f"{key}: {headers[key]}\n" for key in keys if key in headers).encode()
    yield "challenge-and-audience", (
        b"host: localhost:4566\nregion: eu-west-1\naccess-key-id: ASIAIOSFODNN7EXAMPLE\n"
        b"secret-access-key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nsession-token: FAKE\nat: 1767225600\n"
        b"audience: x-k8s-aws-id=cluster\nchallenge: 1.k1.c2VydmVyLWlzc3VlZA\n")


def settings():
    for name, text in {
        "agent": '{"assignment":"agent"}',
        "agent-held": '{"assignment":"agent","release_after_seconds":60}',
        "sts": '{"assignment":"aws_sts","accounts":["012345678901"],"roles":["a","b-*"],"release_after_seconds":3600}',
        "sts-template": '{"assignment":"aws_sts","accounts":["123456789012","210987654321"],"roles":["a"],"name_template":"{account_id}/{instance_id}"}',
        "semaphore-agent": '{"assignment_origin":"ASSIGNMENT_ORIGIN_AGENT","release_after":0}',
        "semaphore-sts": '{"assignment_origin":"ASSIGNMENT_ORIGIN_AWS_STS","release_after":3600,"aws":{"account_id":"012345678901","role_name_patterns":"a, b-*"}}',
        "no-role": '{"assignment":"aws_sts","accounts":["123456789012"],"roles":[]}',
        "every-role": '{"assignment":"aws_sts","accounts":["123456789012"],"roles":["*"]}',
    }.items():
        yield name, text.encode()


def decisions():
    evidence = next(payload for name, _, payload in fixtures("urls") if name == "good-base")
    bodies = {name: payload for name, headers, payload in fixtures("replies") if len(payload) < 1024}
    policies = [
        "account=123456789012 role=ci-*",
        "account=123456789012 any-role any-session template={role}/{session}",
        "account=123456789012 role=ci-agent role-id=AROADBQP57FF2AEXAMPLE",
        "instances-of=123456789012",
        "account=210987654321 role=a rule account=123456789012 role=*agent template={account_id}/{instance_id}",
        "account=123456789012 any-role deny=i-0123456789abcdef0",
    ]
    for number, policy in enumerate(policies):
        for name in ["accept-base", "accept-instance-identity", "accept-session-characters"]:
            yield f"policy-{number}-{name}", b"\n".join([policy.encode(), evidence, bodies[name]])
    for name in ["accept-iam-user", "accept-root", "accept-federated-user", "identity-mismatch-session",
                 "identity-mismatch-account", "throttled-400", "malformed-reply-two-results"]:
        if name in bodies:
            yield name, b"\n".join([policies[0].encode(), evidence, bodies[name]])
    china = next(payload for name, headers, payload in fixtures("presign") if name == "cn-north-1-token")
    body = bodies["accept-partition-aws-cn"]
    yield "partition", b"\n".join([b"account=123456789012 any-role partition=aws-cn", china, body])


def main():
    for target, seeds in {
        "arn": arns(), "presign_verify": signings(), "presigned_url": urls(), "reply": replies(),
        "role_pattern": role_patterns(), "settings": settings(), "verify_decision": decisions(),
    }.items():
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for name, data in seeds:
            (folder / name).write_bytes(data)
        print(target, len(list(folder.iterdir())))


main()
