"""Tab completion: a bash script with every group, setting and choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rt1t2_dask.config.keys import settings
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError

OPTIONS = ("--config-dir", "--help", "--multirun", "--version")
PATHS = ("source.root", "source.raw", "output_dir", "storage.url", "contrast.mask")
SCRIPT = r"""# bash completion of rt1t2-dask:  source <(rt1t2-dask completion=bash)
_rt1t2_dask() {
  local line=${COMP_LINE:0:COMP_POINT} word key value list file
  word=${line##* }
  COMPREPLY=()
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "@OPTIONS@" -- "$word"))
  elif [[ $word != *=* ]]; then
    [[ $line == *--config-dir\ "$word" ]] && { COMPREPLY=($(compgen -d -- "$word")); return; }
    COMPREPLY=($(compgen -S = -W "@KEYS@" -- "$word"))
    compopt -o nospace 2>/dev/null
  else
    key=${word%%=*} value=${word#*=} list=
    case ${key##+} in
@CHOICES@
      @PATHS@) COMPREPLY=($(compgen -f -- "$value")) ;;
    esac
    if [[ ${key##+} == cohort && $line == *--config-dir\ * ]]; then
      file=${line#*--config-dir }
      for file in "${file%% *}"/cohort/*.yaml; do
        file=${file##*/}; list+=" ${file%.yaml}"
      done
    fi
    [[ -n $list ]] && COMPREPLY=($(compgen -W "$list" -- "$value"))
    [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$key=}")
  fi
}
complete -F _rt1t2_dask rt1t2-dask
"""


def completion_script(shell: str, groups: Mapping[str, Sequence[str]]) -> str:
    """Write the completion script of a shell.

    Parameters
    ----------
    shell : str
        ``bash``; zsh reads it after ``autoload bashcompinit && bashcompinit``.
    groups : mapping of str to sequence of str
        Hydra's groups and the choices in each.

    Raises
    ------
    UserError
        For another shell.
    """
    if shell not in ("bash", "zsh"):
        raise UserError(f"completion={shell}: choose bash or zsh.")
    choices = {key: list(names) for key, names in groups.items()}
    plain = [s for s in settings(Config) if "<name>" not in s.key and not s.key.endswith(".kind")]
    choices |= {s.key: list(s.choices) for s in plain if s.choices and s.key not in choices}
    tops = [f"+{name}" if name == "cohort" else name for name in groups]
    lines = [f'      {key}) list="{" ".join(names)}" ;;' for key, names in choices.items()]
    text = SCRIPT.replace("@OPTIONS@", " ".join(OPTIONS)).replace("@PATHS@", "|".join(PATHS))
    text = text.replace("@KEYS@", " ".join(dict.fromkeys([*tops, *(s.key for s in plain)])))
    return text.replace("@CHOICES@", "\n".join(lines))
