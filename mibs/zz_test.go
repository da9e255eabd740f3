package mibs
import ("testing";"time")
func TestZZ(t *testing.T) {
	for range 40 {
	a := time.Now()
	names := Embedded().Names()
	l, _ := gather(names, []Source{Embedded()})
	b := time.Now()
	for _, s := range l.scopes {
		for i := range s.module.definitions {
			l.node(s, i)
		}
	}
	c := time.Now()
	tr := newTree(l.scopes, l.named)
	d := time.Now()
	tr.findRows()
	for _, s := range l.scopes {
		for i, n := range s.nodes {
			if n != nil {
				l.link(s, &s.module.definitions[i], n)
			}
		}
	}
	e := time.Now()
	t.Log(b.Sub(a), c.Sub(b), d.Sub(c), e.Sub(d), e.Sub(a))
	}
}
