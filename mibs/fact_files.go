package mibs

import (
	"bytes"
	"cmp"
	"errors"
	"hash/maphash"
	"io/fs"
	"iter"
	"slices"
	"sort"
	"strconv"
	"sync"

	"trapline/internal/archive"
	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// factArchive is an archive of facts: of each module a file of its name.
type factArchive struct {
	files *archive.Archive
	index func() []mention
	roots func() [][]uint32 // of each module the enterprises below which it defines objects; 0 stands for elsewhere
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
		f.roots = sync.OnceValue(f.enterprises)
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
		for _, name := range definedNames(text) {
			list = append(list, mention{maphash.Bytes(mentionSeed, name), number})
		}
		number++
	}
	slices.SortFunc(list, func(a, b mention) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.module, b.module)) })
	return slices.Clip(slices.Compact(list))
}

// definedNames are the names that the facts of a module define, each with the first letter of its line.
func definedNames(text []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for line := range bytes.Lines(text) {
			kind, rest, _ := bytes.Cut(line, []byte("\t"))
			name, _, _ := bytes.Cut(rest, []byte("\t"))
			if k := string(kind); k != "" && k != "m" && k != "i" && !yield(k[0], bytes.TrimSuffix(name, []byte("\n"))) {
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

// enterprises lists the enterprises of each module.
func (f factArchive) enterprises() (list [][]uint32) {
	for _, text := range f.files.All() {
		list = append(list, enterprisesIn(text))
	}
	return list
}

// enterprisesIn returns the enterprises below which the facts of a module define objects, and 0 for other places.
func enterprisesIn(text []byte) (list []uint32) {
	for line := range bytes.Lines(text) {
		fields := bytes.SplitN(line, []byte("\t"), 4)
		if len(fields) < 3 || len(fields[0]) < 1 || fields[0][0] != 'o' {
			continue
		}
		root, arcs, _ := bytes.Cut(fields[2], []byte("."))
		number := uint64(0)
		switch string(root) {
		case "enterprises":
			arc, _, _ := bytes.Cut(arcs, []byte("."))
			number, _ = strconv.ParseUint(string(bytes.TrimSpace(arc)), 10, 32) // 0 if it is no number
		case "iso":
		default:
			continue
		}
		if e := uint32(number); !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}

var enterprises = snmp.MustParseOID("1.3.6.1.4.1")

// around returns the modules that may define an object in the subtree of an OID, or one of which it is an instance.
func (f factArchive) around(oid snmp.OID) (modules []string) {
	wanted, any := uint32(0), enterprises.HasPrefix(oid)
	if rest, below := bytes.CutPrefix(oid, enterprises); below && len(rest) > 0 {
		wanted, _, _ = snmp.CutArc(rest)
	}
	for i, roots := range f.roots() {
		if any || slices.Contains(roots, wanted) {
			modules = append(modules, f.Names()[i])
		}
	}
	return modules
}
