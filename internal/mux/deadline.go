package mux

import (
	"context"
	"errors"
	"fmt"

	"trapline/internal/access"
)

// OutOfTime returns the *access.Error of data that are missing because ctx has ended.
func OutOfTime(ctx context.Context, op, target string) error {
	e := OutOfTimeError(ctx, false)
	e.Op, e.Target = op, target
	return e
}

// OutOfTimeError is the end of a context. A target that did not say a word until then timed out, in this
// poll or others of the same Progress; one that did answers too slowly.
func OutOfTimeError(ctx context.Context, answered bool) *access.Error {
	err := ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	switch answered = answered || ProgressOf(ctx).Answered(); {
	case !errors.Is(err, context.DeadlineExceeded):
		return &access.Error{Reason: access.Canceled, Err: err}
	case answered:
		return &access.Error{Reason: access.Deadline, Err: fmt.Errorf("the target answered, but not everything before the deadline: %w", err)}
	}
	return &access.Error{Reason: access.Timeout, Err: fmt.Errorf("request timeout: no answer before the deadline: %w", err)}
}
