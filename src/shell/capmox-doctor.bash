# bash completion for capmox-doctor; works with bash 3.2 and without bash-completion.

_capmox_doctor() {
	local IFS=$' \t\n' words=() rest=${COMP_LINE:0:COMP_POINT} word blank line directive i n=-1

	# Bash splits at = and :, too; what stands together in the line is one word.
	for ((i = 0; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		blank=${rest%%[![:space:]]*}
		rest=${rest#"$blank"}
		if [[ $n -ge 0 && -z $blank ]]; then
			words[n]+=$word
		else
			words[++n]=$word
		fi
		rest=${rest#"$word"}
	done
	blank=${rest%%[![:space:]]*}
	rest=${rest#"$blank"}
	if [[ $n -ge 0 && -z $blank ]]; then
		words[n]+=$rest
	else
		words[++n]=$rest
	fi

	# Bash replaces only what follows the last = or : that it split at.
	local current=${words[n]} kept
	[[ $current == *=* ]] && current=${current#*=}
	kept=${current%"${current##*[=:]}"}
	[[ $COMP_WORDBREAKS == *:* ]] || kept=${current%"${current##*=}"}

	COMPREPLY=()
	directive=0
	while IFS= read -r line; do
		if [[ $line =~ ^:([0-9]+)$ ]]; then
			directive=${BASH_REMATCH[1]}
		else
			line=${line%%$'\t'*}
			# A name of a context may hold what the shell would carry out.
			[[ $line =~ ^[A-Za-z0-9_./:=@,+~^%-]*$ ]] || printf -v line %q "$line"
			COMPREPLY[${#COMPREPLY[@]}]=${line#"$kept"}
		fi
	done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)

	# Bash 3.2 has no compopt, and offers files wherever nothing else fits.
	case $directive in
		4) compopt +o default 2>/dev/null ;;
		16) compopt +o default -o dirnames 2>/dev/null ;;
	esac
	return 0
}

complete -o default -F _capmox_doctor capmox-doctor
