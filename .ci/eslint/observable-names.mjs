/**
 * What holds an observable ends in `$`. (The `finnish` rule asks it also of variables and properties that hold a function
 * which returns one; those are named for what they do.)
 */
export default {
  meta: {
    type: 'suggestion',
    messages: { mark: '{{ name }} holds an observable: name it {{ name }}$.' },
    schema: [],
  },
  create(context) {
    const services = context.sourceCode.parserServices;
    const checker = services.program.getTypeChecker();
    const isObservable = (type) =>
      type.getSymbol()?.name === 'Observable' || (type.getBaseTypes?.() ?? []).some(isObservable);
    const check = (node, name) => {
      if (!('name' in name) || name.name.endsWith('$')) return;
      if (isObservable(checker.getNonNullableType(services.getTypeAtLocation(node)))) {
        context.report({ node: name, messageId: 'mark', data: { name: name.name } });
      }
    };
    return {
      VariableDeclarator: ({ id }) => check(id, id),
      PropertyDefinition: (node) => check(node, node.key),
      TSPropertySignature: (node) => check(node, node.key),
    };
  },
};
