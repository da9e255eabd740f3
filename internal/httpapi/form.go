package httpapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"trapline/internal/api"
)

// readForm reads the fields of a form, or of the query, into those of in, by the names that they have in JSON.
func readForm(r *http.Request, in any) error {
	if err := r.ParseForm(); err != nil {
		return api.Errorf(api.ErrBadRequest, "the form: %v", err)
	}
	to := reflect.ValueOf(in).Elem()
	for i := range to.NumField() {
		name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ",")
		text := r.Form.Get(name)
		if text == "" {
			continue
		}
		if err := setField(to.Field(i), text); err != nil {
			return api.Errorf(api.ErrBadRequest, "%s: %q is no %s", name, text, to.Field(i).Kind())
		}
	}
	return nil
}

func setField(field reflect.Value, text string) error {
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Bool:
		v, err := strconv.ParseBool(text)
		field.SetBool(v || text == "on") // as a checkbox sends it
		if text == "on" {
			return nil
		}
		return err
	case reflect.Int:
		v, err := strconv.Atoi(text)
		field.SetInt(int64(v))
		return err
	}
	return nil
}
