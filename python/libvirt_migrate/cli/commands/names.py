"""How shells complete the names of guests and hosts: by functions that ask when Tab is pressed.

Guests are those of the host after --from, where there is one. virsh starts sooner than Python does. A name is
text, and nothing that a shell runs, whatever is in it.
"""

from __future__ import annotations

_GUESTS_BASH = r"""
_libvirt_migrate_guests() {
  local name quoted from=()
  [[ $COMP_LINE =~ --from[=\ ]+([^\ ]+) ]] && from=(-c "${BASH_REMATCH[1]}")
  while IFS= read -r name; do
    printf -v quoted %q "$name"
    [[ -n $name && ($name == "$1"* || $quoted == "$1"*) ]] && printf '%s\n' "$quoted"
  done < <(virsh "${from[@]}" -q list --all --name 2>/dev/null </dev/null)
}"""
_GUESTS_ZSH = r"""
_libvirt_migrate_guests() {
  local -a from names match
  [[ "${words[*]}" =~ '--from[= ]+([^ ]+)' ]] && from=(-c $match[1])
  names=(${(f)"$(virsh $from -q list --all --name 2>/dev/null </dev/null)"})
  compadd -a names
}"""
_GUESTS_FISH = r"""
function _libvirt_migrate_guests
  set -l from (commandline | string match -rg -- '--from[= ]+(\S+)')
  set -q from[1]; and set from -c $from[1]
  virsh $from -q list --all --name 2>/dev/null </dev/null | string match -v ''
end"""

#: What libvirt.conf calls hosts.
_ALIASES = (
    "sed -nE 's/^[^#]*\"([A-Za-z0-9_.-]+)=[a-z+]+:.*/\\1/p' /etc/libvirt/libvirt.conf "
    "{own}/libvirt/libvirt.conf 2>/dev/null"
)
_OWN = '"${XDG_CONFIG_HOME:-$HOME/.config}"'
_HOSTS_BASH = f"""
_libvirt_migrate_hosts() {{
  compgen -W "$({_ALIASES.format(own=_OWN)})" -- "$1"
}}"""
_HOSTS_ZSH = f"""
_libvirt_migrate_hosts() {{
  local -a names
  names=(${{(f)"$({_ALIASES.format(own=_OWN)})"}})
  compadd -a names
}}"""
_HOSTS_FISH = f"""
function _libvirt_migrate_hosts
  set -l own ~/.config
  set -q XDG_CONFIG_HOME; and set own $XDG_CONFIG_HOME
  {_ALIASES.format(own="$own")}
end"""


def _completer(name: str, bash: str, zsh: str, fish: str) -> dict[str, object]:
    """As shtab takes it."""
    return {
        "bash": name,
        "zsh": name,
        "fish": f"({name})",
        "preamble": {"bash": bash, "zsh": zsh, "fish": fish},
    }


GUESTS = _completer("_libvirt_migrate_guests", _GUESTS_BASH, _GUESTS_ZSH, _GUESTS_FISH)
HOSTS = _completer("_libvirt_migrate_hosts", _HOSTS_BASH, _HOSTS_ZSH, _HOSTS_FISH)
