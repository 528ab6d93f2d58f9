import Lean
open Lean Elab

namespace Proofsmith

/-- Own printer: the embedded build has no code for the library's. -/
partial def nameText : Name → String
  | .anonymous => ""
  | .str .anonymous s => s
  | .str p s => nameText p ++ "." ++ s
  | .num .anonymous n => Nat.repr n
  | .num p n => nameText p ++ "." ++ Nat.repr n

partial def nameOfParts : Name → List String → Name
  | n, [] => n
  | n, s :: rest => nameOfParts (.str n s) rest

def nameOf (text : String) : Name := nameOfParts .anonymous (text.splitOn ".")

def field (j : Json) (key : String) : String :=
  match j.getObjVal? key with
  | .ok (.str s) => s
  | _ => ""

def number (j : Json) (key : String) (default : Nat) : Nat :=
  match j.getObjVal? key with
  | .ok v => match v.getNat? with
    | .ok n => n
    | _ => default
  | _ => default

partial def stringList : List Json → List String
  | [] => []
  | .str s :: rest => s :: stringList rest
  | _ :: rest => stringList rest

def none? {α : Type} : List α → Bool
  | [] => true
  | _ => false

def strings (j : Json) (key : String) : List String :=
  match j.getObjVal? key with
  | .ok (.arr a) => stringList a.toList
  | _ => []

def flag (j : Json) (key : String) : Bool :=
  match j.getObjVal? key with
  | .ok (.bool b) => b
  | _ => false

def inputOf (src : String) : Parser.InputContext :=
  { inputString := src, fileName := "<input>", fileMap := FileMap.ofString src,
    endPos := src.rawEndPos, endPos_valid := by simp }

structure Limit where
  heartbeats : Nat
  token : Option IO.CancelToken

def runCommand (ictx : Parser.InputContext) (cmd : Syntax) (pos : String.Pos.Raw) (lim : Limit)
    (st : Command.State) : IO Command.State := do
  let before := st.messages
  let ctx : Command.Context :=
    { fileName := ictx.fileName, fileMap := ictx.fileMap, cmdPos := pos, snap? := none, cancelTk? := lim.token }
  let ref ← ST.mkRef { st with messages := {} }
  let r ← EIO.toIO' (Command.elabCommandTopLevel cmd ctx ref)
  let after ← ref.get
  match r with
  | .ok _ => return { after with messages := before ++ after.messages }
  | .error e =>
    let text ← e.toMessageData.toString
    let msg : Message := { fileName := ictx.fileName, pos := ictx.fileMap.toPosition pos, data := text, severity := .error }
    return { after with messages := (before ++ after.messages).add msg }

partial def runAll (ictx : Parser.InputContext) (ps : Parser.ModuleParserState) (lim : Limit)
    (st : Command.State) : IO Command.State := do
  match st.scopes with
  | [] => return st
  | scope :: _ =>
  let pm : Parser.ParserModuleContext :=
    { env := st.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let (cmd, next, messages) := Parser.parseCommand ictx pm ps st.messages
  let st := { st with messages := messages }
  if Parser.isTerminalCommand cmd then return st
  runAll ictx next lim (← runCommand ictx cmd ps.pos lim st)

def elabText (src : String) (lim : Limit) (st : Command.State) : IO Command.State :=
  runAll (inputOf src) {} lim { st with messages := {} }

def isError (m : Message) : Bool := match m.severity with | .error => true | _ => false

partial def messageList (all : List Message) (left : Nat) : IO (List Json) := do
  match left, all with
  | 0, _ => return []
  | _, [] => return []
  | left + 1, m :: rest =>
    if isError m then
      let text ← m.data.toString
      let j := Json.mkObj [("line", m.pos.line), ("column", m.pos.column), ("text", text)]
      return j :: (← messageList rest left)
    else messageList rest (left + 1)


def optionsOf (heartbeats : Nat) : Options :=
  let o : Options := {}
  let o := o.setBool `Elab.async false
  o.setNat `maxHeartbeats heartbeats

def withHeartbeats (heartbeats : Nat) (st : Command.State) : Command.State :=
  match st.scopes with
  | scope :: rest => { st with scopes := { scope with opts := scope.opts.setNat `maxHeartbeats heartbeats } :: rest }
  | [] => st

/-! Prepared environments: persistent values, kept by the text that made them. -/

abbrev Prepared := IO.Ref (List (String × Command.State))

partial def lookUp {α : Type} (key : String) : List (String × α) → Option α
  | [] => none
  | (k, v) :: rest => if k == key then some v else lookUp key rest

partial def firstFew {α : Type} (n : Nat) (all : List α) : List α :=
  match n, all with
  | 0, _ => []
  | _, [] => []
  | n + 1, x :: rest => x :: firstFew n rest

partial def importList : List String → List Import
  | [] => []
  | n :: rest => { module := nameOf n } :: importList rest

def remembered (held : Prepared) (size : Nat) (key : String) (make : IO Command.State) : IO Command.State := do
  match lookUp key (← held.get) with
  | some st => return st
  | none =>
    let st ← make
    let all ← held.get
    held.set ((key, st) :: firstFew size all)
    return st

structure Server where
  bases : Prepared
  preludes : Prepared
  references : Prepared
  open_ : IO.Ref (List (String × Nat))

partial def joined (sep : String) : List String → String
  | [] => ""
  | [x] => x
  | x :: rest => x ++ sep ++ joined sep rest

def header : String := "@[expose] public noncomputable section\nset_option linter.all false\n"

def noLimit : Limit := { heartbeats := 0, token := none }

def baseOf (s : Server) (imports : List String) : IO Command.State :=
  remembered s.bases 3 (joined " " imports) do
    let env ← importModules (importList imports).toArray {} (loadExts := true) (level := .exported)
    let st := Command.mkState env {} (optionsOf 400000)
    elabText header noLimit st

def preludeOf (s : Server) (j : Json) : IO Command.State := do
  let imports := strings j "imports"
  let text := field j "prelude"
  let base ← baseOf s imports
  remembered s.preludes 7 (joined " " imports ++ "\n" ++ text) do
    elabText text noLimit base

/-! Answers. -/

def millis : IO Nat := IO.monoMsNow

def answer (fields : List (String × Json)) : Json := Json.mkObj fields

def preludeErrors (st : Command.State) : IO (List Json) := messageList st.messages.toList 5

def elaborate (s : Server) (j : Json) : IO Json := do
  let t0 ← millis
  let st ← preludeOf s j
  let errs ← preludeErrors st
  if !none? errs then return answer [("prelude", Json.arr errs.toArray)]
  let beats := number j "heartbeats" 200000
  let out ← elabText (field j "text") { heartbeats := beats, token := none } (withHeartbeats beats st)
  let errs ← messageList out.messages.toList 5
  let t1 ← millis
  return answer [("ok", Json.bool (none? errs)), ("errors", Json.arr errs.toArray), ("ms", t1 - t0)]

def handle (s : Server) (j : Json) : IO Json := do
  match field j "op" with
  | "elaborate" => elaborate s j
  | "" => return answer [("ready", Json.bool true), ("lean", Lean.versionString)]
  | other => return answer [("fault", "unknown request " ++ other)]

partial def serve (s : Server) (inp out : IO.FS.Stream) : IO Unit := do
  let line ← inp.getLine
  if line.isEmpty then return
  let nonce := (line.take 32).toString
  let body := (line.drop 33).toString.trimAscii.toString
  let reply ← try
      match (if body.isEmpty then .ok (Json.mkObj []) else Json.parse body) with
      | .ok j => handle s j
      | .error e => pure (answer [("fault", e)])
    catch e => pure (answer [("fault", e.toString)])
  out.putStr ("\n" ++ nonce ++ " " ++ reply.compress ++ "\n")
  out.flush
  serve s inp out

def start : IO Unit := do
  let s : Server := { bases := ← IO.mkRef [], preludes := ← IO.mkRef [], references := ← IO.mkRef [], open_ := ← IO.mkRef [] }
  let _ ← baseOf s ["Init", "Std"]
  serve s (← IO.getStdin) (← IO.getStdout)

end Proofsmith

public def main : IO Unit := Proofsmith.start
