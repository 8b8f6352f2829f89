package labgob

type LabEncoder struct{}

func (e *LabEncoder) Encode(v interface{}) error { return nil }

type LabDecoder struct{}

func (d *LabDecoder) Decode(v interface{}) error { return nil }

func Register(v interface{}) {}
