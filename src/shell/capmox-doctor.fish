# fish completion for capmox-doctor

function __capmox_doctor_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    or return

    # What stands before = is part of the word that fish replaces.
    set -l option (string match -r -- '^-[^=]*=' "$current")
    set -l choices $lines[1..-2]
    if set -q choices[1]
        for choice in $choices
            printf "%s\n" "$option$choice"
        end
    else if test "$lines[-1]" = :16
        __fish_complete_directories (string replace -- "$option" '' "$current")
    else if test "$lines[-1]" = :0
        set -l before (string match -r -- '^.*=' "$current")
        for path in (__fish_complete_path (string replace -- "$before" '' "$current"))
            printf "%s\n" "$before$path"
        end
    end
end

complete -c capmox-doctor -e
complete -c capmox-doctor -f -a '(__capmox_doctor_complete)'
