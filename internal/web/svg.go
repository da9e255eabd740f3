package web

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
)

// strip draws the outcomes of the last polls as a band, the newest at its right; a thin line stands for polls that are
// still to come. Width 0 fills the cell.
func strip(outcomes string, width, height int) template.HTML {
	if outcomes == "" {
		return ""
	}
	size := "100%"
	if width > 0 {
		size = strconv.Itoa(width)
	}
	var b strings.Builder
	answered := strings.Count(outcomes, "u")
	fmt.Fprintf(&b, `<svg class="spark" width="%s" height="%d" viewBox="0 0 60 10" preserveAspectRatio="none" role="img" aria-label="%d of %d polls complete">`,
		size, height, answered, len(outcomes))
	at := 60 - min(len(outcomes), 60)
	if at > 0 {
		fmt.Fprintf(&b, `<path class="w" d="M0 4.5h%dv1h-%dz"><title>no poll yet</title></path>`, at, at)
	}
	for i := max(0, len(outcomes)-60); i < len(outcomes); {
		n := 1
		for i+n < len(outcomes) && outcomes[i+n] == outcomes[i] {
			n++
		}
		fmt.Fprintf(&b, `<path class="%s" d="M%d 0h%dv10h-%dz"/>`, outcomeClass(outcomes[i]), at, n, n)
		at, i = at+n, i+n
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // of digits and constants
}

func outcomeClass(c byte) string {
	switch c {
	case 'u':
		return "g"
	case 'p':
		return "y"
	case 'd':
		return "x"
	}
	return "w" // missed
}

// lineClasses are the colors of the first and of further lines of a drawing.
var lineClasses = [...]string{"i", "o", "g2", "y2"}

// spark draws histories as lines over the same scale, the oldest at the left; -1 is a gap.
func spark(histories [][]float64, width, height int, label string) template.HTML {
	low, top, n := scale(histories)
	if n < 2 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" width="%d" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s">`,
		width, height, n-1, height, template.HTMLEscapeString(label))
	for i, h := range histories {
		fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, lineClasses[i%len(lineClasses)], line(h, n-len(h), low, top, height))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // of digits, constants and an escaped label
}

// gap is a point without a value.
const gap = -1

// scale returns the least value, or 0 where that is less, the greatest one, and the number of points.
func scale(histories [][]float64) (low, top float64, n int) {
	for _, h := range histories {
		n = max(n, len(h))
		for _, v := range h {
			if v != gap {
				low, top = min(low, v), max(top, v)
			}
		}
	}
	return low, top, n
}

// line is the path of a history that begins at x. Steps are relative, and one unit wide: so they repeat, and
// compress well.
func line(history []float64, x int, low, top float64, height int) string {
	var b []byte
	last, drawing := 0, false
	for i, v := range history {
		if v == gap {
			drawing = false
			continue
		}
		y := height - 1
		if top > low {
			y = height - 1 - int((v-low)/(top-low)*float64(height-2)+0.5)
		}
		if drawing {
			b = append(b, "l1 "...)
			b = strconv.AppendInt(b, int64(y-last), 10)
		} else {
			b = append(b, 'M')
			b = strconv.AppendInt(b, int64(x+i), 10)
			b = append(b, ' ')
			b = strconv.AppendInt(b, int64(y), 10)
		}
		last, drawing = y, true
	}
	return string(b)
}

// bar draws a share of 1.
func bar(share float64) template.HTML {
	class := ""
	switch {
	case share >= 0.9:
		class = " hi"
	case share >= 0.7:
		class = " mid"
	}
	return template.HTML(fmt.Sprintf(`<svg width="64" height="10" role="img" aria-label="%.0f %%"><rect class="bar" width="64" height="10" rx="2"/><rect class="barv%s" width="%.0f" height="10" rx="2"/></svg>`,
		share*100, class, 64*min(1, max(0, share)))) // of digits and constants
}

// hour draws how many targets were partial and down in each minute of the last hour: a thin green line where none was,
// a gray one before the first minute.
func hour(minutes []api.Minute) template.HTML {
	const width, height, bottom = 5, 72, 74
	most := max(1, worst(minutes))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" width="100%%" height="96" viewBox="0 0 300 74" preserveAspectRatio="none" role="img" aria-label="Targets that were down or partial in each minute of the last hour, at most %d">`, worst(minutes))
	x := (hourMinutes - len(minutes)) * width
	if x > 0 {
		fmt.Fprintf(&b, `<path class="w" d="M0 73h%dv1h-%dz"><title>no poll yet</title></path>`, x, x)
	}
	for _, m := range minutes {
		partial, down := tall(m.Partial, most, height), tall(m.Down, most, height)
		if partial > 0 {
			fmt.Fprintf(&b, `<path class="y" d="M%d %dh4v%dh-4z"/>`, x, bottom-partial, partial)
		}
		if down > 0 {
			fmt.Fprintf(&b, `<path class="x" d="M%d %dh4v%dh-4z"/>`, x, bottom-partial-down, down)
		}
		if partial+down == 0 && m.Total > 0 {
			fmt.Fprintf(&b, `<path class="g" d="M%d 72h5v2h-5z"/>`, x)
		}
		x += width
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // of digits and constants
}

// hourMinutes is how many minutes the drawing of the last hour has room for.
const hourMinutes = 60

// hourBegan is the time at the left of that drawing.
func hourBegan(minutes []api.Minute) string {
	if len(minutes) == 0 {
		return ""
	}
	return minutes[len(minutes)-1].At.Add(-(hourMinutes - 1) * time.Minute).Local().Format("15:04")
}

// tall is the height of a part, at least 2 so that it is seen.
func tall(n, most, height int) int {
	if n == 0 {
		return 0
	}
	return max(2, n*height/most)
}

// worst is the greatest number of targets that were not up.
func worst(minutes []api.Minute) (n int) {
	for _, m := range minutes {
		n = max(n, m.Down+m.Partial)
	}
	return n
}
