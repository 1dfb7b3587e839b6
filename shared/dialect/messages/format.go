package messages

import "github.com/qwenvoy/qwenvoy/shared/jsonedit"

// An outputFormat is the form that the answer must have. A grammar holds for all of a text,
// so that it could make calls impossible: beside tools the form is asked for in words.
type outputFormat struct {
	// schema is what the upstream is made to keep, as JSON.
	schema []byte
	// prompt asks for the form, as inside a string literal.
	prompt []byte
}

func (f *outputFormat) reset() { f.schema, f.prompt = nil, f.prompt[:0] }

// read reads the format that the request names; tools tells whether the model gets any.
func (f *outputFormat) read(in *input, fields *fields, tools bool) {
	path, format := "output_config.format", in.member(fields.output, "format")
	if format == nil {
		path, format = "output_format", fields.format
	}
	if string(in.typeOf(format)) != "json_schema" {
		return
	}
	schema := in.member(format, "schema")
	if !jsonedit.Is(schema, jsonedit.Object) {
		in.reject(path+".schema", "must be an object.")
		return
	}
	if !tools {
		f.schema = schema
		return
	}
	f.prompt = jsonedit.Put(f.prompt[:0], `When you give your answer, give nothing but one JSON value that keeps to this JSON schema:\n`)
	f.prompt = jsonedit.AppendEscaped(f.prompt, schema)
}
