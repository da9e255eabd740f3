package mibs

import (
	"bytes"
	"cmp"
	"errors"
	"hash/maphash"
	"io/fs"
	"slices"
	"sort"
	"sync"

	"trapline/internal/archive"
	"trapline/mibs/smi"
)

// factArchive is an archive of facts: of each module a file of its name.
type factArchive struct {
	files *archive.Archive
	index func() []mention
}

// mention says that a module defines a name.
type mention struct {
	name   uint64 // its hash
	module uint32 // its number
}

var mentionSeed = maphash.MakeSeed()

// archived opens an archive when it is first wanted. Of a damaged one there are no files.
func archived(text []byte) func() factArchive {
	return sync.OnceValue(func() factArchive {
		files, err := archive.Open(text)
		if err != nil {
			files = &archive.Archive{} // a test reads it
		}
		f := factArchive{files: files}
		f.index = sync.OnceValue(f.mentions)
		return f
	})
}

// Names returns the names of all modules, sorted.
func (f factArchive) Names() []string { return f.files.Names() }

func (f factArchive) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	text, err := f.files.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	m, err := readFacts(string(text))
	return m, nil, err
}

// mentions lists which modules define which names, in the order of the names' hashes.
func (f factArchive) mentions() (list []mention) {
	number := uint32(0)
	for _, text := range f.files.All() {
		for name := range definedNames(text) {
			list = append(list, mention{maphash.Bytes(mentionSeed, name), number})
		}
		number++
	}
	slices.SortFunc(list, func(a, b mention) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.module, b.module)) })
	return slices.Clip(slices.Compact(list))
}

// definedNames are the names that the facts of a module define.
func definedNames(text []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(text) {
			kind, rest, _ := bytes.Cut(line, []byte("\t"))
			name, _, _ := bytes.Cut(rest, []byte("\t"))
			if k := string(kind); k != "m" && k != "i" && !yield(bytes.TrimSuffix(name, []byte("\n"))) {
				return
			}
		}
	}
}

// mentioning returns the modules that define a name.
func (f factArchive) mentioning(name string) (modules []string) {
	list, hash := f.index(), maphash.String(mentionSeed, name)
	names := f.Names()
	for i := sort.Search(len(list), func(i int) bool { return list[i].name >= hash }); i < len(list) && list[i].name == hash; i++ {
		modules = append(modules, names[list[i].module])
	}
	return modules
}
