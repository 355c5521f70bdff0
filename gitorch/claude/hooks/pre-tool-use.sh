#!/bin/sh
# Ask gitorch about the use of a tool. Whatever is missing or fails, the answer is silence, which changes nothing.
here=${CLAUDE_PROJECT_DIR:-.}
if [ -z "${GITORCH_INVOCATION:-}" ]; then
    root=$(git -C "$here" rev-parse --show-toplevel 2> /dev/null) && [ -f "$root/.tasks/MAIN_TASK" ] || exit 0
fi
gitorch=$(command -v gitorch || git -C "$here" config gitorch.program) || exit 0
answer=$("$gitorch" hook pre-tool-use 2> /dev/null) && [ -n "$answer" ] && printf '%s\n' "$answer"
exit 0
