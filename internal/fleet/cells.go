package fleet

import (
	"math"

	"trapline/internal/api"
)

func addCell(r *api.TableRow, text string, v *float64) {
	r.Cells, r.Values = append(r.Cells, text), append(r.Values, v)
}

func addText(r *api.TableRow, text string) { addCell(r, text, nil) }

// addNumber adds a number that may be missing.
func addNumber(r *api.TableRow, v float64, ok bool, text func(float64) string) {
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		addText(r, "")
		return
	}
	addCell(r, text(v), &v)
}
