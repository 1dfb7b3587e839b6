# Completion of qwenvoy for fish: qwenvoy completion fish > ~/.config/fish/completions/qwenvoy.fish
function __qwenvoy_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l found ($words[1] complete -- $words[2..-1] 2>/dev/null)
	if test "$found[1]" = :files
		__fish_complete_path (commandline -ct)
	else if test (count $found) -gt 0
		printf '%s\n' $found
	end
end
complete -c qwenvoy -f -a '(__qwenvoy_complete)'
