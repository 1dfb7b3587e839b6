#compdef qwenvoy
# Completion of qwenvoy for zsh: eval "$(qwenvoy completion zsh)" behind compinit
_qwenvoy() {
	local line word
	local -a found
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			_files
			return
		fi
		word=${line%%$'\t'*}
		found+=("${word//:/\\:}:${line#*$'\t'}")
	done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
	(( ${#found} )) && _describe qwenvoy found
}
if [[ $funcstack[1] == _qwenvoy ]]; then
	_qwenvoy "$@"
else
	compdef _qwenvoy qwenvoy
fi
