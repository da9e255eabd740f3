package setup

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/csvlist"
)

// written is a target in a file that a command writes.
type written struct {
	csvlist.Target

	remark string
}

// appendTarget appends the item of a target: its address alone, where that is all there is.
func appendTarget(b []byte, t *written) []byte {
	var keys []string
	add := func(key, text string) {
		if text != "" {
			keys = append(keys, key+": "+yamlText(text))
		}
	}
	add("name", t.Name)
	add("address", t.Address)
	add("auth", t.Auth)
	add("interval", t.Interval)
	for _, o := range t.Others {
		if _, err := strconv.ParseUint(o[1], 10, 63); err == nil {
			keys = append(keys, o[0]+": "+o[1])
		} else {
			add(o[0], o[1])
		}
	}
	if len(t.Modules) > 0 {
		keys = append(keys, "modules: ["+yamlList(t.Modules)+"]")
	}
	var labels []string
	for _, l := range t.Labels {
		labels = append(labels, yamlText(l[0])+": "+yamlText(l[1]))
	}
	if len(labels) > 0 {
		keys = append(keys, "labels: {"+strings.Join(labels, ", ")+"}")
	}
	if len(keys) == 1 && t.Address != "" {
		b = append(append(b, "- "...), yamlText(t.Address)...)
	} else {
		b = append(append(append(b, "- {"...), strings.Join(keys, ", ")...), '}')
	}
	if t.remark != "" {
		b = append(append(b, "  # "...), oneLine(t.remark)...)
	}
	return append(b, '\n')
}

// plainYAML matches text that needs no quotes anywhere, unless it is a word of notYAML.
var plainYAML = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./-]*$`)

// notYAML are words that some reader of YAML takes for something else than text.
var notYAML = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// yamlText writes text as a value of YAML.
func yamlText(text string) string {
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
		return text
	}
	if a, err := netip.ParseAddrPort(text); err == nil && a.Addr().Is4() {
		return text
	}
	if plainYAML.MatchString(text) && !slices.Contains(notYAML, strings.ToLower(text)) {
		return text
	}
	return strconv.QuoteToGraphic(text)
}

func yamlList(list []string) string {
	var texts []string
	for _, text := range list {
		texts = append(texts, yamlText(text))
	}
	return strings.Join(texts, ", ")
}

// maxRemark bounds the comment with a device's own description.
const maxRemark = 100

// oneLine makes text one line of printable characters.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > maxRemark {
		text = string(runes[:maxRemark]) + "…"
	}
	return text
}

// writeNew writes a file that is not there yet, or with "-" to out. It says how to go on.
func writeNew(out io.Writer, file string, text []byte) error {
	if file == "-" {
		_, err := out.Write(text)
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return fmt.Errorf("%s exists and is not overwritten: write --output with another name, or --output=-", file)
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
