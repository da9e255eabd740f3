package config

import (
	"fmt"
	"strings"

	"trapline/internal/setting"
)

// unknownKey says that there is no such key, and which one may be meant.
func unknownKey(key string, in path, known []string) string {
	place := "in " + in.String()
	if len(in) == 0 {
		place = "at the top of the file"
	}
	text := fmt.Sprintf("unknown key %.40q %s: ", key, place)
	if near := setting.Nearest(key, known); near != "" {
		return text + fmt.Sprintf("did you mean %q?", near)
	}
	return text + "the keys there are " + strings.Join(known, ", ")
}
