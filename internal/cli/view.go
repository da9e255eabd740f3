package cli

import "encoding/json"

// View shows an answer of a server.
type View[T any] struct {
	Get    func(r *Remote, answer *T) (json.RawMessage, error) // reads the answer, and returns it as JSON too
	Print  func(p *Printer, r *Remote, answer *T) error        // prints it as a table or as CSV
	Failed func(answer *T) bool                                // reports whether the exit status is 1; nil: never
}

// Show reads the answer and prints it: as it arrived with -o json, else by Print.
func (v *View[T]) Show(server *ServerFlags, output *OutputFlags) error {
	r, err := server.Open()
	if err != nil {
		return err
	}
	var answer T
	raw, err := v.Get(r, &answer)
	if err != nil {
		return err
	}
	p := output.Printer()
	done, err := p.Data(raw)
	if err == nil && !done {
		err = v.Print(p, r, &answer)
	}
	if err != nil {
		return err
	}
	return Failed(v.Failed != nil && v.Failed(&answer))
}
