# What gitorch's hooks share. Each of them sets `hook` to its name, since other tools rename hooks, and sources this.
# gitorch-hook @ID@
gitorch='@GITORCH@'
input=
newline='
'

# Run the hook that was here before, with the same arguments and input. What it refuses is refused.
before() {
    kept=${0%/*}/$hook.before-gitorch
    [ -f "$kept" ] && [ -x "$kept" ] || return 0
    case $hook in
        post-rewrite | pre-push | pre-receive) # git tells them something, which is read once, for both
            input=$(with_tools cat && echo .)
            printf %s "${input%.}" | "$kept" "$@" || exit
            ;;
        *) "$kept" "$@" || exit ;;
    esac
}

# Desktop programs give a hook no more than git's own folder to find programs in.
with_tools() {
    PATH=$PATH:/usr/bin:/bin "$@"
}

# Let gitorch decide, as the hook that git has called or `instead` as another. Where it is gone, git goes on: a hook must not stand in the way of all commits.
ask() {
    code=127
    for program in "$gitorch" "$(command -v gitorch)" ~/.local/bin/gitorch /usr/local/bin/gitorch /opt/homebrew/bin/gitorch; do
        [ -f "$program" ] && [ -x "$program" ] || continue
        if [ -n "$input" ]; then
            printf %s "${input%.}" | "$program" hook "${instead:-$hook}" "$@"
        else
            "$program" hook "${instead:-$hook}" "$@"
        fi
        code=$?
        [ "$instead $code" != "at-once 0" ] || settle "judged $PPID"
        break
    done
    case $code in
        126 | 127) echo "warning: gitorch is not to be found: .tasks goes unchecked ($hook)" >&2 && exit 0 ;;
    esac
    exit "$code"
}

untouched='git diff --cached --quiet --no-ext-diff -- .tasks'

touched() {
    ! $untouched
}

# Git does not tell its hooks that it amends. Its command line does, but where a rebase does so by itself, or another
# program has started the hook: then there is something to lose where the last commit is a record.
amending() {
    words=$newline$(PATH=$PATH:/usr/bin:/bin tr '\0' '\n' 2> /dev/null < "/proc/$PPID/cmdline")$newline
    case $words in
        *"$newline--am"*) return 0 ;;
        *"${newline}commit$newline"* | *"${newline}merge$newline"*) return 1 ;;
    esac
    case $newline$(git log -1 --format=%B 2> /dev/null) in
        *"${newline}Gitorch-Event:"*) return 0 ;;
    esac
    return 1
}

# What one hook has found holds for the later hooks of the same commit, while index and HEAD are not newer than its mark.
settle() {
    own=${GIT_INDEX_FILE%/*}
    [ -f "$own/HEAD" ] || return 0
    [ -d "$own/gitorch" ] || with_tools mkdir "$own/gitorch" || return 0
    echo "$1" > "$own/gitorch/settled"
}

settled() {
    marked "$1" && ! [ "$GIT_INDEX_FILE" -nt "$mark" ] && ! [ "$own/logs/HEAD" -nt "$mark" ]
}

marked() {
    own=${GIT_INDEX_FILE%/*}
    mark=$own/gitorch/settled
    [ -f "$mark" ] && read -r found < "$mark" && [ "$found" = "$1 $PPID" ]
}

# Where git starts no editor, nothing comes between a commit's hooks, and one start of Python does for all three instead
# of three: it takes most of their time. Only git itself is sure to run prepare-commit-msg next, and only ours to ask.
put_off() {
    [ "$GIT_EDITOR" = : ] && [ -f "${GIT_INDEX_FILE%/*}/HEAD" ] && [ -x "${0%/*}/prepare-commit-msg" ] || return 1
    first=${words#"$newline"}
    case ${first%%"$newline"*} in
        git | */git) ;;
        *) return 1 ;;
    esac
    case $words in
        *"${newline}commit$newline"*) ;;
        *) return 1 ;;
    esac
    while read -r line; do
        case $line in
            '# gitorch-hook '*) settle "later $PPID" && return 0 ;;
        esac
    done < "${0%/*}/prepare-commit-msg"
    return 1
}

# Tell whether the commit under way may be of interest.
concerned() {
    ! settled untouched && { touched || amending; }
}
