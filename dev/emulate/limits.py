"""The list of what `make emulate` does not show, by name: each of it wants an AWS account.

python -m dev.emulate.limits
"""

ADDED = {
    "HTTP API routes": "the emulator reads no OpenAPI body; dev/emulate/aws.py adds its routes",
    "clock": "functions' clock is moved, so that a month passes; schedules keep real time",
    "TLS": "the loopback stands in for it where a queue's policy asks for it",
    "actions and resources": "of sqs:SendMessageBatch and ses:SendEmail, as IAM names them",
    "numbers in parameters": "arrive as text; MaximumConcurrency is made a number again",
}
"""Additions of ours to the emulator."""

LEFT_OUT = {
    "arm64": "functions and layer are built for the processor of this machine",
    "runtime": "an interpreter of its own; make test-slow has the real interface",
    "CodeDeploy": "recorded; an alias moves at once, and no alarm takes it back",
    "alarms over several metrics": "recorded, never computed",
    "Budgets": "recorded",
    "API throttling": "not enforced, and no access log is written",
    "TimeToLive": "not set from the template: nothing expires by itself",
    "point-in-time recovery": "not set from the template; perennial restore-drill has the drill",
    "DynamoDB conflicts": "transactions never meet; the simulator makes them",
    "concurrency": "MaximumConcurrency is stored, not held to",
    "lifecycle of objects": "recorded; no old version goes by itself",
    "SES": "no sandbox, no bounces; attachments are lost",
    "X-Ray": "no traces",
    "custom domain": "needs a certificate; not deployed",
    "memory": "a function may take more than its MemorySize",
}
"""Resources that are deployed and do not act as on AWS."""


def main() -> None:
    print("Not shown by make emulate, because the emulator cannot:")
    for name, why in LEFT_OUT.items():
        print(f"  {name:<28}  {why}")
    print("Where it is helped:")
    for name, how in ADDED.items():
        print(f"  {name:<28}  {how}")


if __name__ == "__main__":
    main()
