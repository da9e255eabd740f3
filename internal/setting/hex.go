package setting

import (
	"encoding/hex"
	"errors"
	"strings"
)

// errHex does not show the text, which may be a secret.
var errHex = errors.New("something else than two hexadecimal digits for each octet")

var hexSeparators = strings.NewReplacer(":", "", " ", "", "-", "", "\t", "")

// Hex returns the octets that hexadecimal digits stand for: with or without 0x in front, and with or
// without colons, blanks or hyphens between the octets; nil where there are none. The error completes the
// sentence "NAME has".
func Hex(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && strings.EqualFold(text[:2], "0x") {
		text = text[2:]
	}
	octets, err := hex.DecodeString(hexSeparators.Replace(text))
	if err != nil {
		return nil, errHex
	}
	if len(octets) == 0 {
		return nil, nil
	}
	return octets, nil
}
