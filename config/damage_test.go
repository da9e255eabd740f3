package config

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"trapline/profiles"
)

// damages are the kinds of damage that editors, templates, version control and transport do to files.
var damages = map[string]func(r *rand.Rand, lines []string) []string{
	"line deleted": func(r *rand.Rand, lines []string) []string {
		at := r.IntN(len(lines))
		return append(lines[:at:at], lines[at+1:]...)
	},
	"lines deleted": func(r *rand.Rand, lines []string) []string {
		at := r.IntN(len(lines))
		return append(lines[:at:at], lines[min(len(lines), at+1+r.IntN(10)):]...)
	},
	"line repeated": func(r *rand.Rand, lines []string) []string {
		at := r.IntN(len(lines))
		return append(lines[:at+1:at+1], lines[at:]...)
	},
	"lines exchanged": func(r *rand.Rand, lines []string) []string {
		a, b := r.IntN(len(lines)), r.IntN(len(lines))
		lines[a], lines[b] = lines[b], lines[a]
		return lines
	},
	"indented otherwise":    inLineAt(func(r *rand.Rand, line string) string { return strings.Repeat(" ", 1+r.IntN(4)) + line }),
	"indented less":         inLineAt(func(_ *rand.Rand, line string) string { return strings.TrimPrefix(line, " ") }),
	"indented by tabs":      inLineAt(func(_ *rand.Rand, line string) string { return strings.ReplaceAll(line, "  ", "\t") }),
	"tab behind the colon":  inLineAt(func(_ *rand.Rand, line string) string { return strings.Replace(line, ": ", ":\t", 1) }),
	"colon without a blank": inLineAt(func(_ *rand.Rand, line string) string { return strings.Replace(line, ": ", ":", 1) }),
	"quote too many":        inLineAt(func(_ *rand.Rand, line string) string { return line + `"` }),
	"bracket too many":      inLineAt(func(_ *rand.Rand, line string) string { return line + "]" }),
	"another value": inLineAt(func(r *rand.Rand, line string) string {
		return value(line, otherValues[r.IntN(len(otherValues))])
	}),
	"very long value": inLineAt(func(_ *rand.Rand, line string) string { return value(line, strings.Repeat("x", 200_000)) }),
	"very long key":   inLineAt(func(_ *rand.Rand, line string) string { return strings.Repeat("k", 50_000) + ": x" }),
	"misspelled":      inLineAt(func(r *rand.Rand, line string) string { return misspelled(r, line) }),
	"not UTF-8":       inLineAt(func(_ *rand.Rand, line string) string { return line + "\xff" }),
	"control":         inLineAt(func(_ *rand.Rand, line string) string { return line + "\x00" }),
	"anchor":          inLineAt(func(_ *rand.Rand, line string) string { return strings.Replace(line, ": ", ": &a ", 1) }),
	"deep brackets":   inLineAt(func(_ *rand.Rand, line string) string { return value(line, strings.Repeat("[", 3000)) }),
	"deep, but closed": inLineAt(func(_ *rand.Rand, line string) string {
		return value(line, strings.Repeat("[", 800)+strings.Repeat("]", 800))
	}),
	"deep blocks": func(_ *rand.Rand, lines []string) []string {
		for i := range 300 {
			lines = append(lines, strings.Repeat(" ", i)+"auths:")
		}
		return lines
	},
	"aliases of aliases": func(_ *rand.Rand, lines []string) []string {
		lines = append(lines, "a0: &a0 [x, x, x, x, x, x, x, x, x]")
		for i := 1; i < 12; i++ {
			n, before := string(rune('0'+i)), string(rune('0'+i-1))
			lines = append(lines, "a"+n+": &a"+n+" ["+strings.Repeat("*a"+before+", ", 9)+"]")
		}
		return lines
	},
}

// otherValues stand where others belong.
var otherValues = []string{"", "~", "true", "-1", "99999999999999999999", "1e999", ".nan", "[]", "{}", "[a, b]", "{a: b}", "*a", "*nowhere", "!!binary x", "!!int x", "|", ">-", "'", `"`,
	"1.3.6.1.2.1.x", "0x", "10", "1h1", "../../etc/passwd", "http://", "[::1", "::", "-", "?", "@", "`", "%", "&", "!", "!!", "<<", "${X}", "2020-01-01", "\u2028", "a: b", "# x"}

func inLineAt(change func(r *rand.Rand, line string) string) func(*rand.Rand, []string) []string {
	return func(r *rand.Rand, lines []string) []string {
		at := r.IntN(len(lines))
		lines[at] = change(r, lines[at])
		return lines
	}
}

// value returns a line with the value of its key replaced by other.
func value(line, other string) string {
	key, _, _ := strings.Cut(line, ": ")
	return strings.TrimSuffix(key, ":") + ": " + other
}

func misspelled(r *rand.Rand, line string) string {
	if len(line) < 2 {
		return line + "x"
	}
	at := r.IntN(len(line) - 1)
	return line[:at] + string(line[at+1]) + string(line[at]) + line[at+2:]
}

// encodings are forms in which a whole file may come.
var encodings = map[string]func(text string) []byte{
	"as it is":           func(text string) []byte { return []byte(text) },
	"CRLF":               func(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) },
	"CR":                 func(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r")) },
	"byte order mark":    func(text string) []byte { return []byte("\ufeff" + text) },
	"UTF-16":             func(text string) []byte { return utf16Of(binary.LittleEndian, text) },
	"UTF-16, big endian": func(text string) []byte { return utf16Of(binary.BigEndian, text) },
	"cut off":            func(text string) []byte { return []byte(text[:len(text)*2/3]) },
	"twice":              func(text string) []byte { return []byte(text + "\n" + text) },
	"two documents":      func(text string) []byte { return []byte(text + "\n---\n" + text) },
	"in code marks":      func(text string) []byte { return []byte("```yaml\n" + text + "\n```\n") },
	"merge conflict":     func(text string) []byte { return []byte("<<<<<<< HEAD\n" + text + "=======\n>>>>>>> x\n") },
	"HTML":               func(text string) []byte { return []byte("<!DOCTYPE html>\n<pre>" + text + "</pre>\n") },
}

func utf16Of(order binary.ByteOrder, text string) []byte {
	var b bytes.Buffer
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		var octets [2]byte
		order.PutUint16(octets[:], unit)
		b.Write(octets[:])
	}
	return b.Bytes()
}

// However a file is damaged, Load reports the error and its place in the words of the file, and allocates a
// bounded amount of memory.
func TestDamagedFiles(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	files := damageable(t)
	for name, encode := range encodings {
		for _, text := range files {
			checkDamaged(t, name, encode(text))
		}
	}
	for range 10 {
		for name, damage := range damages {
			text := files[r.IntN(len(files))]
			for range 1 + r.IntN(2) {
				text = strings.Join(damage(r, strings.Split(text, "\n")), "\n")
			}
			checkDamaged(t, name, []byte(text))
		}
	}
}

// damageable are the files that the project has as examples. Those with names need MIBs, which takes time.
func damageable(t *testing.T) []string {
	texts := []string{plainSample, text(t, "testdata/good/everything.yml"), text(t, "testdata/good/anchors.yml"), text(t, "../snmp.yml")}
	builtin, err := profiles.Read("standard/lldp.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"testdata/wrong/receiver_wrong.yml", "testdata/wrong/thresholds.yml", "testdata/wrong/several.yml"} {
		texts = append(texts, text(t, file))
	}
	return append(texts, string(builtin))
}

func checkDamaged(t *testing.T, name string, raw []byte) {
	t.Helper()
	const most = 256 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	checkLoad(t, raw)
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > most {
		t.Errorf("%s: %d octets of a file take %d of memory", name, len(raw), after.TotalAlloc-before.TotalAlloc)
	}
	if t.Failed() {
		file := filepath.Join(os.TempDir(), "damaged.yml")
		_ = os.WriteFile(file, raw, 0o600)
		t.Fatalf("%s: see %s", name, file)
	}
}
