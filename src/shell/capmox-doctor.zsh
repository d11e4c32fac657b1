#compdef capmox-doctor
# zsh completion for capmox-doctor

_capmox_doctor() {
	local -a lines choices
	local line directive program=${(Q)words[1]}
	lines=("${(@f)$("${program/#\~\//$HOME/}" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
	directive=${lines[-1]#:}
	for line in "${(@)lines[1,-2]}"; do
		# In a description for _describe, the colon ends the word.
		line=${line//:/\\:}
		choices+=("${line/$'\t'/:}")
	done

	[[ $PREFIX == -*=* ]] && compset -P '-*='
	if (( $#choices )); then
		_describe -t words 'capmox-doctor' choices
	elif [[ $directive == 16 ]]; then
		_files -/
	elif [[ $directive == 0 ]]; then
		compset -P '*='
		_files
	fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_capmox_doctor "$@"
else
	compdef _capmox_doctor capmox-doctor
fi
