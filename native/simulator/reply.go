package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// apiError is vLLM's error object; Code is also the HTTP status.
type apiError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    int     `json:"code"`
}

func badRequest(message string) *apiError {
	return &apiError{Message: message, Type: "BadRequestError", Code: http.StatusBadRequest}
}

// badParameter is how vLLM blames one parameter.
func badParameter(param, message string) *apiError {
	e := badRequest(message)
	e.Param = &param
	return e
}

type errorBody struct {
	Error *apiError `json:"error"`
}

func writeError(w http.ResponseWriter, e *apiError) { writeJSON(w, e.Code, errorBody{e}) }

// writeDetail is the shape of FastAPI's own errors.
func writeDetail(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, struct {
		Detail string `json:"detail"`
	}{detail})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body := encode(v)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// encode writes JSON as pydantic does: compact, non-ASCII and HTML's
// characters as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only our own types come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// pause reports whether d passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// nextID is the hexadecimal part of an id, as long as vLLM's. Ids differ
// within one server and repeat from one run to the next.
func (s *server) nextID() string {
	return fmt.Sprintf("%016x", s.serial.Add(1)*0x9e3779b97f4a7c15)
}
