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

// PackFacts returns the archive of the facts of modules by name.
func PackFacts(texts map[string][]byte) ([]byte, error) {
	short := map[string][]byte{}
	for name, text := range texts {
		short[name] = compacted(text)
	}
	return archive.Compress(short)
}

// text returns the facts of a module.
func (f factArchive) text(name string) ([]byte, error) {
	text, err := f.files.Read(name)
	return expanded(text), err
}

// all returns the facts of all modules by name.
func (f factArchive) all() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for name, text := range f.files.All() {
			if !yield(name, expanded(text)) {
				return
			}
		}
	}
}

// maxShared is how many octets of a name may be those of the name before it.
const maxShared = 'z' - '0'

// compacted returns facts with a letter in place of the beginning that each name shares with the one before it: '0'
// for none, '1' for one octet, and so on. Names of an object and of the next one mostly begin with those of their table.
func compacted(text []byte) (short []byte) {
	var before []byte
	for line := range bytes.Lines(text) {
		kind, name, rest := cutFact(line)
		if name == nil {
			short = append(short, line...)
			continue
		}
		shared := 0
		for shared < min(len(name), len(before), maxShared) && name[shared] == before[shared] {
			shared++
		}
		short = append(append(append(append(short, kind...), '0'+byte(shared)), name[shared:]...), rest...)
		before = name
	}
	return short
}

// expanded is the reverse of compacted.
func expanded(short []byte) []byte {
	text := make([]byte, 0, len(short)*3/2)
	var before []byte
	for line := range bytes.Lines(short) {
		kind, name, rest := cutFact(line)
		if len(name) == 0 {
			text = append(text, line...)
			continue
		}
		shared := min(max(int(name[0])-'0', 0), len(before))
		text = append(text, kind...)
		start := len(text)
		text = append(append(text, before[:shared]...), name[1:]...)
		before = text[start:]
		text = append(text, rest...)
	}
	return text
}

// cutFact parts a line into what it is, with the tab behind that, the name that it defines, and the rest. Of a line that
// defines none the name is nil.
func cutFact(line []byte) (kind, name, rest []byte) {
	tab := bytes.IndexByte(line, '\t')
	if tab < 1 || tab == 1 && (line[0] == 'm' || line[0] == 'i') {
		return nil, nil, nil
	}
	kind, name = line[:tab+1], line[tab+1:]
	end := bytes.IndexAny(name, "\t\n")
	if end < 0 {
		end = len(name)
	}
	return kind, name[:end:end], name[end:]
}

func (f factArchive) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	text, err := f.text(name)
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
	for _, text := range f.all() {
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
			if kind, name, _ := cutFact(line); name != nil && !yield(kind[0], name) {
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
	for _, text := range f.all() {
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
