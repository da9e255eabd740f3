package config

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"trapline/config/document"
	"trapline/internal/access"
	"trapline/internal/modules"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

// File is a file of the configuration as it was when it was loaded.
type File struct {
	Name string
	text []byte // compressed
}

// Format prints the name, whatever the verb: the text holds secrets.
func (f File) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.Name) }

// keptFile keeps the text of a file for those who ask for it later.
func keptFile(name string, text []byte) File {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is one that there is
	_, _ = z.Write(text)                            // into memory
	_ = z.Close()
	return File{name, b.Bytes()}
}

func (f *File) raw() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(f.text))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Written returns the text of the file with <secret> in place of each secret. Secrets of the configuration are
// masked wherever they occur.
func (c *Config) Written(f *File) (string, error) {
	text, err := f.raw()
	shown := Masked(string(text))
	for _, secret := range c.secrets() {
		shown = withoutWord(shown, secret)
	}
	return shown, err
}

// secrets are those of the configuration that cannot stand for anything else.
func (c *Config) secrets() (list []string) {
	const short = 4
	usual := access.DefaultAuth()
	for _, auth := range c.Auths {
		v, of := reflect.ValueOf(*auth), reflect.ValueOf(usual)
		for i := range v.NumField() {
			if secret, ok := v.Field(i).Interface().(setting.Secret); ok && len(secret) > short && secret != of.Field(i).Interface() {
				list = append(list, string(secret))
			}
		}
	}
	return list
}

// withoutWord hides a word wherever it stands alone.
func withoutWord(text, word string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, word)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at + len(word)
		if at > 0 && wordOctet(text[at-1]) || end < len(text) && wordOctet(text[end]) {
			b.WriteString(text[:end])
		} else {
			b.WriteString(text[:at] + hidden)
		}
		text = text[end:]
	}
}

func wordOctet(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// files are those that were read, and the rule files that they name.
func (u *merged) files() (list []File) {
	for _, s := range u.sources {
		list = append(list, keptFile(s.File, s.Raw))
	}
	for _, name := range u.ruleFiles {
		if text, err := setting.ReadFile(name, setting.MaxFile); err == nil { // it was read a moment ago
			list = append(list, keptFile(name, text))
		}
	}
	return list
}

// texts are those of all files.
func (c *Config) texts() (list []string) {
	for i := range c.Files {
		if text, err := c.Files[i].raw(); err == nil {
			list = append(list, string(text))
		}
	}
	return list
}

// moduleFiles are the names of the files that modules stand in.
func (u *merged) moduleFiles() map[string]string {
	files := make(map[string]string, len(u.config.Modules))
	for name := range u.config.Modules {
		if s := u.set[document.Path{"modules", name}.String()]; s != nil {
			files[name] = s.File
		}
	}
	return files
}

// hashSize is the number of octets of a hash that distinguish configurations.
const hashSize = 8

// Hash is the beginning of the SHA-256 over the names and contents of files, in hexadecimal digits.
func Hash(files []File) string {
	h := sha256.New()
	for i := range files {
		text, _ := files[i].raw() // it was written here
		own := sha256.Sum256(text)
		_, _ = h.Write([]byte(files[i].Name))
		_, _ = h.Write(own[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:hashSize])
}

// SharedHash is Hash without names and without the section cluster, which is of one member where it has a weight or a zone:
// members of a cluster compare it. Files of that section alone do not count. label is that of zones, which members have in
// common.
func SharedHash(files []File, label string) string {
	sums := []string{label}
	for i := range files {
		text, _ := files[i].raw()
		if rest := withoutCluster(text); len(rest) > 0 {
			sum := sha256.Sum256(rest)
			sums = append(sums, string(sum[:]))
		}
	}
	slices.Sort(sums)
	sum := sha256.Sum256([]byte(strings.Join(sums, "")))
	return hex.EncodeToString(sum[:hashSize])
}

// withoutCluster returns a text without the section cluster: from the line of its key up to the next that is not indented. It
// returns nothing if only comments are left.
func withoutCluster(text []byte) (rest []byte) {
	inside, left := false, false
	for line := range bytes.Lines(text) {
		first := line[0]
		content := len(bytes.TrimSpace(line)) > 0 && !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#"))
		if content && first != ' ' && first != '\t' {
			inside = bytes.HasPrefix(line, []byte("cluster:"))
		}
		if !inside {
			rest = append(rest, line...)
			left = left || content && !bytes.HasPrefix(line, []byte("---"))
		}
	}
	if !left {
		return nil
	}
	return rest
}

// Where finds the line of a setting in the files that were named, such as modules, if_mib, filters. The line is 0 if
// none of them has it.
func (c *Config) Where(steps ...string) (file string, line int) {
	for i := range c.Files {
		text, err := c.Files[i].raw()
		if err != nil {
			continue
		}
		tree := document.PlainTree(string(text))
		if tree == nil {
			tree = new(yaml.Node)
			if document.Decode(yaml.NewDecoder(bytes.NewReader(text)), tree) != nil {
				continue
			}
		}
		if tree.Kind == yaml.DocumentNode {
			tree = tree.Content[0]
		}
		if value, at := document.Find(tree, steps); value != nil {
			return c.Files[i].Name, at.Line
		}
	}
	return "", 0
}

// OfTarget returns the configuration of one target: its settings with their defaults, its auth, and those of its
// modules that the files define. It returns nil if there is no target of that name.
func (c *Config) OfTarget(name string) *Config {
	i := slices.IndexFunc(c.Targets, func(t poller.TargetSettings) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	t := c.Targets[i]
	t.Effective(&c.Global)
	one := &Config{Targets: []poller.TargetSettings{t}, Auths: map[string]*access.Auth{t.Auth: c.Auths[t.Auth]}, Modules: map[string]*modules.Settings{}}
	for _, module := range t.Modules {
		if m := c.Modules[module]; m != nil {
			one.Modules[module] = m
		}
	}
	return one
}
