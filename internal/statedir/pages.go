package statedir

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// pages checks all pages of a database's file that bbolt may use. bbolt itself reads a page only on demand and does not
// validate it: a wrong length may allocate gigabytes, and a page that is both free and in use is overwritten. The file
// format is bbolt's version 2.
type pages struct {
	file io.ReaderAt
	size int64  // of a page
	end  uint64 // behind the last page
	used []bool // pages that are in use, or known to be free
}

const (
	pageHeader    = 16 // id, flags, count, overflow
	elementSize   = 16
	bucketHeader  = 16 // root, sequence
	branchPage    = 1
	leafPage      = 2
	freelistPage  = 16
	bucketElement = 1  // flag of an element that is a bucket
	maxDepth      = 64 // of pages below each other
	noFreelist    = ^uint64(0)
)

// inspectPages returns an error if the database that tx reads is damaged.
func inspectPages(tx *bbolt.Tx, file io.ReaderAt) error {
	size := int64(tx.DB().Info().PageSize)
	p := &pages{file: file, size: size, end: uint64(tx.Size() / size)}
	freelist, end, err := p.meta(uint64(tx.ID()))
	if err != nil {
		return err
	}
	p.end = min(p.end, end)
	p.used = make([]bool, p.end)
	for i := range min(2, p.end) { // of meta
		p.used[i] = true
	}
	if err := p.tree(uint64(tx.Cursor().Bucket().Root()), 0); err != nil {
		return err
	}
	if freelist == noFreelist {
		return nil
	}
	return p.free(freelist)
}

func (p *pages) damage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// meta returns the page of the free list and the end of the pages in use, from the meta page of a transaction.
func (p *pages) meta(tx uint64) (freelist, end uint64, err error) {
	b := make([]byte, pageHeader+64)
	for id := range int64(2) {
		if _, err := p.file.ReadAt(b, id*p.size); err != nil {
			return 0, 0, p.damage("page %d: %v", id, err)
		}
		if m := b[pageHeader:]; binary.NativeEndian.Uint64(m[48:]) == tx {
			return binary.NativeEndian.Uint64(m[32:]), binary.NativeEndian.Uint64(m[40:]), nil
		}
	}
	return 0, 0, p.damage("no page is of its last transaction")
}

// page returns a page with its overflow pages. It returns an error if one of them is already in use.
func (p *pages) page(id uint64) ([]byte, error) {
	if id >= p.end {
		return nil, p.damage("there is no page %d", id)
	}
	head := make([]byte, pageHeader)
	if _, err := p.file.ReadAt(head, int64(id)*p.size); err != nil {
		return nil, p.damage("page %d: %v", id, err)
	}
	more := uint64(binary.NativeEndian.Uint32(head[12:]))
	if binary.NativeEndian.Uint64(head) != id || more >= p.end-id {
		return nil, p.damage("page %d is not what it was", id)
	}
	for i := id; i <= id+more; i++ {
		if p.used[i] {
			return nil, p.damage("page %d is used twice", i)
		}
		p.used[i] = true
	}
	body := make([]byte, int64(more+1)*p.size)
	if _, err := p.file.ReadAt(body, int64(id)*p.size); err != nil {
		return nil, p.damage("page %d: %v", id, err)
	}
	return body, nil
}

func (p *pages) tree(id uint64, depth int) error {
	body, err := p.page(id)
	if err != nil {
		return err
	}
	return p.elements(body, depth)
}

// elements checks the elements of a page and the pages below them.
func (p *pages) elements(body []byte, depth int) error {
	flags, count := binary.NativeEndian.Uint16(body[8:]), int(binary.NativeEndian.Uint16(body[10:]))
	if flags != branchPage && flags != leafPage || flags == branchPage && count == 0 || pageHeader+count*elementSize > len(body) || depth > maxDepth {
		return p.damage("a page of kind %d has %d elements", flags, count)
	}
	var last []byte
	for i := range count {
		e := newElement(body, i, flags)
		if e.end > uint64(len(body)) || e.keySize > bbolt.MaxKeySize {
			return p.damage("an element is longer than its page")
		}
		key := body[e.start : e.start+e.keySize]
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return p.damage("a key is out of its place")
		}
		last = key
		if err := p.below(e, body[e.start+e.keySize:e.end], depth); err != nil {
			return err
		}
	}
	return nil
}

// element is an entry of a page.
type element struct {
	branch              bool
	flags               uint32
	start, keySize, end uint64 // of the key and the value in the page
	child               uint64 // page of a branch
}

func newElement(body []byte, i int, flags uint16) (e element) {
	at := pageHeader + i*elementSize
	b := body[at:]
	word := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(b[4*n:])) }
	if flags == branchPage {
		e = element{branch: true, start: uint64(at) + word(0), keySize: word(1), child: binary.NativeEndian.Uint64(b[8:])}
		e.end = e.start + e.keySize
		return e
	}
	e = element{flags: uint32(word(0)), start: uint64(at) + word(1), keySize: word(2)}
	e.end = e.start + e.keySize + word(3)
	return e
}

// below checks the page or the bucket of an element.
func (p *pages) below(e element, value []byte, depth int) error {
	switch {
	case e.branch:
		return p.tree(e.child, depth+1)
	case e.flags == 0:
		return nil
	case e.flags != bucketElement || len(value) < bucketHeader:
		return p.damage("an element is no bucket")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return p.tree(root, depth+1)
	}
	if value = value[bucketHeader:]; len(value) < pageHeader {
		return p.damage("a bucket is cut short")
	}
	return p.elements(value, depth+1)
}

// free checks the list of free pages.
func (p *pages) free(id uint64) error {
	body, err := p.page(id)
	if err != nil {
		return err
	}
	count, list := uint64(binary.NativeEndian.Uint16(body[10:])), body[pageHeader:]
	if count == 0xffff && len(list) >= 8 { // more than fit there
		count, list = binary.NativeEndian.Uint64(list), list[8:]
	}
	if binary.NativeEndian.Uint16(body[8:]) != freelistPage || count > uint64(len(list)/8) {
		return p.damage("the list of free pages has %d", count)
	}
	for i := range count {
		page := binary.NativeEndian.Uint64(list[8*i:])
		if page >= p.end || p.used[page] {
			return p.damage("page %d is marked free, and in use", page)
		}
		p.used[page] = true
	}
	return nil
}
