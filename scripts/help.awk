# Lists the targets of a Makefile with the first sentence of the comment above each: "# run shows …" is "make run  shows …".
/^# [a-z-]+ / && !text { text = $0; sub(/^# [a-z-]+ /, "", text); sub(/\. .*/, "", text) }
/^[a-z-]+:/ && text { sub(/:.*/, ""); printf "make %-14s %s\n", $0, text }
/^[a-z-]+:|^$/ { text = "" }
