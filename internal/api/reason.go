package api

import "trapline/internal/reason"

// problem is a failure in the words that the log and the command line have for it, too.
func problem(w *reason.Words) *Problem {
	return &Problem{Reason: string(w.Reason), Text: w.Text, Remedy: w.Remedy, Table: w.Table, Last: w.Row}
}
